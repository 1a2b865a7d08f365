"""Agents of a folder of ``slateloop train`` that join a comparison."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

import pytest

from agent.starts import address_of
from simulator import train_options, trained_agents
from simulator.cells import CellError, Setting
from simulator.experiments import Plan
from simulator.measuring import settled
from simulator.policy_starts import ADDRESS, START
from simulator.results import ResultsError
from simulator.train_options import Request
from simulator.trained_agents import choices, command_for, notes, require_any, trained_in
from simulator.training_folder import agent_file
from simulator.training_pieces import Piece, Scene, scene_of
from simulator.training_plan import pieces_of
from tests.simulator.trained_folder import SETTING, agent, keep
from tests.trained import AGENT_OPTIONS, packed


def elsewhere(piece: Piece, **options: object) -> Piece:
    """Trained in a world of other options."""
    scene = piece.scene
    return dataclasses.replace(piece, scene=Scene("elsewhere", scene.preset, {**scene.options, **options}))


def test_each_kind_enters_with_the_seed_that_its_validation_users_liked_best(tmp_path: Path) -> None:
    """Not the one of the best point that wasn't kept, nor the one that test users liked."""
    keep(tmp_path, agent("gradient", 0), 5.0)
    keep(tmp_path, agent("gradient", 1), 1.0, 6.0)
    keep(tmp_path, agent("gradient", 2), 9.0, 4.0)
    keep(tmp_path, agent("slateq", 3), 1.0)
    found = trained_in(tmp_path)
    assert [(one.piece.kind, one.piece.seed, one.look.mean, one.n_trained) for one in found] == [
        ("gradient", 1, 6.0, 3),
        ("slateq", 3, 1.0, 1),
    ]
    (entered,) = choices(found, [SETTING]).values()
    assert [(one.name, one.kind) for one in entered] == [
        ("gradient (trained)", "gradient"),
        ("slateq (trained)", "slateq"),
    ]
    path = agent_file(tmp_path, agent("gradient", 1))
    assert dict(entered[0].options) == {**AGENT_OPTIONS, START: str(path), ADDRESS: address_of(packed("gradient"))}


def test_only_agents_of_the_very_world_enter(tmp_path: Path) -> None:
    """Of other options, sizes or presets are others; how its title is written doesn't matter."""
    keep(tmp_path, elsewhere(agent("gradient", 0), num_candidates=6), 9.0)
    keep(tmp_path, elsewhere(agent("gradient", 1), slate_size=1), 9.0)
    keep(tmp_path, elsewhere(agent("gradient", 2), time_budget=50), 9.0)
    keep(tmp_path, elsewhere(agent("gradient", 3)), 1.0)
    other = agent("gradient", 4)
    keep(tmp_path, dataclasses.replace(other, scene=Scene("x", "long-term-satisfaction", other.scene.options)), 9.0)
    (entered,) = choices(trained_in(tmp_path), [SETTING]).values()
    assert [Path(one.options[START]).name.partition("-seed")[2][0] for one in entered] == ["3"]
    assert choices(trained_in(tmp_path), [Setting("news", 10, 3)]) == {}


def test_an_option_of_0_is_an_option_of_0_point_0(tmp_path: Path) -> None:
    """So one agent of each kind enters, under a name of its own."""
    for seed, value in enumerate((0, 0.0)):
        keep(tmp_path, elsewhere(agent("gradient", seed), sensitivity=value), float(seed))
    (one,) = trained_in(tmp_path)
    assert (one.piece.seed, one.n_trained) == (1, 2)
    ((entered,),) = choices([one], [dataclasses.replace(SETTING, options={"sensitivity": 0})]).values()
    assert entered.name == "gradient (trained)"


def test_bandits_and_references_are_no_trained_agents(tmp_path: Path) -> None:
    keep(tmp_path, dataclasses.replace(agent("gradient"), sort="log", n_logged=7), 1.0)
    assert trained_in(tmp_path) == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ResultsError, match="no folder of trained agents; name one that `slateloop train` wrote"):
            trained_in(path)
    assert list(tmp_path.iterdir()) == []


def test_the_best_agents_file_must_be_there(tmp_path: Path) -> None:
    for seed, liked in enumerate((5.0, 6.0)):
        keep(tmp_path, agent("gradient", seed), liked)
    agent_file(tmp_path, agent("gradient", 0)).unlink()
    assert len(choices(trained_in(tmp_path), [SETTING])) == 1
    missing = agent_file(tmp_path, agent("gradient", 1))
    missing.unlink()
    assert [one["exists"] for one in trained_agents.to_json(trained_in(tmp_path))] == [False]
    with pytest.raises(CellError, match=f"{missing.name} is missing, though .*, gradient, seed 1, is finished; put it"):
        choices(trained_in(tmp_path), [SETTING])
    assert choices(trained_in(tmp_path), [Setting("news", 10, 3)]) == {}, "of another world it isn't needed"


def test_an_agent_that_is_none_or_has_options_of_another_release_is_told(tmp_path: Path) -> None:
    keep(tmp_path, agent("gradient"), 5.0)
    path = agent_file(tmp_path, agent("gradient"))
    path.write_bytes(b"nonsense")
    with pytest.raises(CellError, match=f"{path.name}.*not a trained agent"):
        choices(trained_in(tmp_path), [SETTING])
    old = dataclasses.replace(agent("gradient"), options={"no_such": 1})
    keep(tmp_path / "old", old, 5.0)
    with pytest.raises(CellError, match=r"options that this release hasn't: .*no_such"):
        choices(trained_in(tmp_path / "old"), [SETTING])


@pytest.mark.parametrize(
    ("preset", "options"),
    [
        ("interest-evolution", {"visible_budget": True}),
        ("news", {}),
        ("shop", {"drift": 0.5}),
        ("table", {"data": "wine"}),
        ("words", {"path": None}),
    ],
)
def test_the_command_that_it_names_trains_in_this_very_world(
    tmp_path: Path, preset: str, options: dict[str, object]
) -> None:
    setting = settled(preset, n_candidates=None, n_slots=None, options=options)
    words = command_for(setting, tmp_path)
    given = {name: words[place + 1] for place, name in enumerate(words) if name.startswith("--")}
    wanted = Request(
        worlds=(given["--world"],),
        options=(given["--world-option"],) if options else (),
        n_candidates=int(given["--candidates"]),
        n_slots=int(given["--slots"]),
        n_seeds=1,
    )
    assert {one.scene.title: one.scene for one in pieces_of(wanted)} == {setting.title: scene_of(setting)}
    assert given["--out"] == str(tmp_path)
    assert "--out" not in command_for(setting, train_options.OUT)


def test_a_world_without_agents_is_told_with_the_command(tmp_path: Path) -> None:
    keep(tmp_path, agent("gradient"), 5.0)
    news = Setting("news", 10, 3)
    found = choices(trained_in(tmp_path), [SETTING, news])
    require_any(found, [SETTING, news], tmp_path)
    told = list(notes(tmp_path, Plan((SETTING, news), (), 1, 40, per_world=found), shlex.join))
    assert told == [
        f"gradient (trained) in {SETTING.title} begins with {agent_file(tmp_path, agent('gradient')).name}",
        f"no agent in {tmp_path} was trained in news (10 candidates, 3 slots); "
        f"`slateloop train --world news --candidates 10 --slots 3 --out {tmp_path}` trains some",
    ]
    with pytest.raises(CellError, match=r"no agent there was trained in news \(.*; `slateloop train --world news "):
        require_any({}, [news], tmp_path)


def test_a_folder_without_a_finished_training_names_the_command_that_makes_or_ends_one(tmp_path: Path) -> None:
    assert f"`slateloop train --out {tmp_path}` trains agents" in trained_agents.none_yet(tmp_path)
    begun = ["slateloop", "train", "--world", "shop", "--out", str(tmp_path)]
    (tmp_path / "settings.json").write_text(json.dumps({"command": begun, "pieces": []}), encoding="utf-8")
    assert f"`{shlex.join(begun)}` goes on with what was begun" in trained_agents.none_yet(tmp_path)


def test_what_a_folder_holds_is_json(tmp_path: Path) -> None:
    keep(tmp_path, agent("gradient", 2), 5.0)
    (one,) = json.loads(json.dumps(trained_agents.to_json(trained_in(tmp_path)), allow_nan=False))
    assert (one["kind"], one["seed"], one["validation_return"], one["exists"]) == ("gradient", 2, 5.0, True)
    assert one["file"] == str(agent_file(tmp_path, agent("gradient", 2)))
