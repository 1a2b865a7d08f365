"""Policies of an experiment that begin with a file of ``slateloop train``."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.starts import StartError, address_of
from envs.presets import make_world
from simulator import policy_starts
from simulator.cells import Cell, CellError, Setting, parse_policy
from simulator.frozen import score_frozen
from simulator.measuring import measure, settings_of
from tests.trained import OPTIONS, WORLD, packed


def written(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.agent"
    path.write_bytes(packed(kind))
    return path


@pytest.mark.parametrize("kind", ["slateq", "gradient"])
def test_a_trained_agent_serves_from_the_first_request_and_learns_on(tmp_path: Path, kind: str) -> None:
    """The learned arm's first slate comes from the file: no block of the run was served by the baseline."""
    policy = parse_policy(f"{kind}:start={written(tmp_path, kind)},hidden=[8]")
    setting = Setting(WORLD, OPTIONS["num_candidates"], OPTIONS["slate_size"])
    record = measure(Cell(setting, policy, 0, 200))
    learned = [block for block in record.blocks if block.arm == "learned"]
    assert sum(block.n_slates for block in learned) > 0
    assert record.loop_settings["policy"]["start"] == address_of(packed(kind))  # type: ignore[union-attr]  # a cell's


def test_settings_name_the_content_and_keep_the_policys_own_options(tmp_path: Path) -> None:
    policy = parse_policy(f"gradient:start={written(tmp_path, 'gradient')},temperature=0.5")
    found = settings_of(Cell(Setting(WORLD, 5, 2), policy, 0, 100)).policy
    assert (found.kind, found.options) == ("gradient", {"temperature": 0.5})
    assert found.start == address_of(packed("gradient"))
    assert settings_of(Cell(Setting(WORLD, 5, 2), parse_policy("vw"), 0, 100)).policy.start == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gradient:start=nowhere.agent", "No such file"),
        ("slateq:start={gradient}", "an agent of kind gradient; write gradient:start="),
        ("gradient:start={nonsense}", "not a trained agent"),
        ("gradient:start={gradient},nonsense=1", "nonsense"),
    ],
)
def test_what_is_no_such_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "nonsense.agent").write_bytes(b"nonsense")
    files = {"gradient": written(tmp_path, "gradient"), "nonsense": tmp_path / "nonsense.agent"}
    with pytest.raises(CellError, match=said):
        parse_policy(text.format(**files))


def test_a_file_that_changed_meanwhile_is_not_served(tmp_path: Path) -> None:
    path = written(tmp_path, "gradient")
    policy = parse_policy(f"gradient:start={path}")
    path.write_bytes(packed("slateq"))
    with pytest.raises(StartError, match="has changed meanwhile"):
        policy_starts.start_of(policy.options, make_world(WORLD, OPTIONS))


def test_a_world_without_what_the_agent_was_trained_with_is_refused(tmp_path: Path) -> None:
    policy = parse_policy(f"slateq:start={written(tmp_path, 'slateq')}")
    with pytest.raises(StartError, match=r"start=.*: requests of news have no clickbait, which the agent was trained"):
        measure(Cell(Setting("news", 5, 2), policy, 0, 40))
    with pytest.raises(StartError, match="have no clickbait"):
        score_frozen(policy, lambda n: make_world("news", num_envs=n), seed=0, n_requests=40, n_users=2)
