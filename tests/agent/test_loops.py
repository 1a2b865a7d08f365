from __future__ import annotations

import json
import re

import pytest

from agent import loops
from agent.loops import LOOP_NAME, LoopSettings, SettingsError, parse, parse_yaml


def test_defaults_are_valid_and_survive_json() -> None:
    settings = LoopSettings()
    assert parse(json.loads(settings.to_json())) == settings
    assert settings.variants == {"learned": 0.90, "order": 0.08, "uniform": 0.02}


def test_every_problem_is_told_at_once_with_its_field_and_value() -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"polcy": 1, "floor": 3, "reward": {"window_s": -1}, "variants": {"learned": 0.5}}, source="front.yaml")
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for part in ("front.yaml: polcy", "floor", "got 3", "reward.window_s", "sum to 0.5"):
        assert part in text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"polcy": {}}, "polcy: no such setting; remove it or fix its name (did you mean policy?)"),
        (
            {"reward": {"windw_s": 1}},
            "reward.windw_s: no such setting; remove it or fix its name (did you mean window_s?)",
        ),
        (
            {"reward": {"recipe": {"click": {"wieght": 2}}}},
            "recipe.click.wieght: no such setting; remove it or fix its name (did you mean weight?)",
        ),
        ({"zzz": 1}, "zzz: no such setting; remove it or fix its name"),
    ],
)
def test_a_misspelt_setting_is_answered_with_what_was_meant(data: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(data)
    (problem,) = caught.value.problems
    assert problem.endswith(says)


@pytest.mark.parametrize(
    ("reward", "part"),
    [
        ({"min": 1, "max": 1}, "must be below"),
        ({"default": 2}, "must lie between"),
        ({"window_s": "soon"}, "window_s"),
        ({"aggregation": "last"}, "aggregation"),
        ({"max": float("inf")}, "max"),
        ({"max": 1e10}, r"reward\.max: .*less than or equal to 1000000000"),
        ({"min": -1e10}, r"reward\.min: .*greater than or equal to -1000000000"),
        ({"recipe": {"click": {"weight": 1e10}}}, r"weight: .*less than"),
        ({"recipe": {"click": {"cap": 1e10}}}, r"cap: .*less than"),
        ({"recipe": {"click": {"weight": 1, "wieght": 2}}}, "wieght"),
    ],
)
def test_reward_settings_are_checked(reward: dict[str, object], part: str) -> None:
    with pytest.raises(SettingsError, match=part):
        parse({"reward": reward})


def test_yaml_that_is_no_yaml_and_yaml_that_is_no_mapping() -> None:
    with pytest.raises(SettingsError, match="not YAML"):
        parse_yaml("a: [1,")
    with pytest.raises(SettingsError, match="must be a mapping"):
        parse_yaml("- 1")
    assert parse_yaml("") == LoopSettings()


def test_the_learning_hash_follows_what_is_learned_and_nothing_else() -> None:
    base = LoopSettings()
    serving = parse({"floor": 0.1, "salt": "x", "variants": {"learned": 1.0}, "publish_every_s": 2.0, "sticky": False})
    assert serving.learning_hash == base.learning_hash
    for learned in ({"policy": {"kind": "order"}}, {"reward": {"window_s": 61}}, {"reward": {"default": 0.5}}):
        assert parse(learned).learning_hash != base.learning_hash


def test_another_learning_format_is_another_lineage(monkeypatch: pytest.MonkeyPatch) -> None:
    before = LoopSettings().learning_hash
    monkeypatch.setattr(loops, "LEARNING_FORMAT", loops.LEARNING_FORMAT + 1)
    assert LoopSettings().learning_hash != before


def test_loop_names() -> None:
    for good in ("default", "front-page.v2_x", "a" * 64):
        assert re.fullmatch(LOOP_NAME, good)
    for bad in ("", "A", "a" * 65, "a/b", "a b", "ä"):
        assert not re.fullmatch(LOOP_NAME, bad)


def test_what_only_serves_leaves_what_is_learned_alone() -> None:
    """A loop from before these settings keeps its lineage."""
    plain = LoopSettings()
    for other in ({"mode": "apprentice"}, {"personalizer": {"actions": 7}}, {"learn_since_ms": 0}):
        assert parse(other).learning_hash == plain.learning_hash
    assert len({parse({"learn_since_ms": ms}).learning_hash for ms in (0, 1, 2)}) == 3
