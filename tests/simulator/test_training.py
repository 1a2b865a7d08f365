"""Pieces measured for real, as small as they can be; and what a training leaves while it goes on."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from agent.starts import checked
from envs.episodes import Estimate, run_episodes
from envs.references import least_clickbait
from policies.base import Distribution, Mask, Slot
from simulator import encoded_world
from simulator.frozen import likeliest
from simulator.train import TEST_SEED, Point
from simulator.training import Task, attempt
from simulator.training_diary import Diary, let_go, points_of
from simulator.training_folder import TrainingFolder
from simulator.training_pieces import Failed, Piece, Result
from simulator.training_run import Manner, conduct, in_turn
from simulator.training_screen import TrainingScreen, screen, summary
from simulator.whole_files import write_whole
from tests.simulator.training_results import SCENE, log, piece, result
from tests.trained import AGENT_OPTIONS, BUDGET


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 300)


def measured(one: Piece, out: Path | str = "") -> Result:
    found = attempt(Task(one, str(out)))
    assert isinstance(found, Result), found
    return found


def agent(seed: int = 0) -> Piece:
    return dataclasses.replace(piece("gradient", seed), options=AGENT_OPTIONS, budget=BUDGET, n_test_users=30)


def test_an_agent_is_trained_and_packed_with_its_worlds_rewards(tmp_path: Path) -> None:
    found = measured(agent(), tmp_path)
    assert [look.n_steps for look in found.curve] == [1280, 2560]
    assert found.n == 30
    assert found.seconds > 0.0
    start = checked(found.start)
    assert (start.kind, start.reward_min) == ("gradient", 0.0)
    assert start.reward_max > 0.0
    kept = tmp_path / "best" / f"{agent().stem}.agent"
    assert kept.read_bytes() == found.start, "until whoever asked for it has kept it"
    let_go(tmp_path, agent().stem)
    assert list((tmp_path / "running").iterdir()) == list((tmp_path / "best").iterdir()) == []


def test_an_agent_that_a_full_disk_does_not_take_is_still_where_the_best_so_far_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        if "agents" in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write_whole(path, data)

    one, folder, shown = agent(), TrainingFolder(tmp_path), TrainingScreen(Console(file=io.StringIO()), tmp_path, None)
    with monkeypatch.context() as disk:
        disk.setattr("simulator.training_folder.write_whole", full)
        done = conduct([one], folder, shown, Manner(in_turn))
    assert [failed.title for failed in done.failures] == [one.title]
    best = folder.best(one)
    assert best is not None
    assert checked(best.read_bytes()).kind == "gradient"
    trained = best.read_bytes()
    again = conduct([one], folder, shown, Manner(in_turn))
    assert (list(again.results), folder.agent(one).read_bytes()) == ([one.key], trained)
    assert list((tmp_path / "running").iterdir()) == list((tmp_path / "best").iterdir()) == []


def test_a_reference_is_scored_by_the_same_users_as_agents() -> None:
    one = dataclasses.replace(piece("least_clickbait", sort="reference"), n_test_users=30)
    there = run_episodes(one.course.world(30), least_clickbait, n_episodes=30, seed=TEST_SEED).estimate("return")
    assert (measured(one).mean, measured(one).n) == (there.mean, 30)


def test_a_bandit_learns_from_its_own_users_and_is_frozen() -> None:
    """What it learned decides the score: other users, another score; the same ones, the same."""
    bandit = dataclasses.replace(piece("linear", sort="bandit"), n_requests=150, n_test_users=10)
    found = measured(bandit)
    assert measured(bandit).mean == found.mean
    assert measured(dataclasses.replace(bandit, seed=1)).mean != found.mean
    assert found.n == 10


def test_an_agent_is_scored_at_the_end_of_a_log_and_after_serving(tmp_path: Path) -> None:
    options = {"hidden": [8], "fit_on": 32, "block": 32, "block_minibatch": 16}
    one = dataclasses.replace(log("gradient"), options=options, n_test_users=4)
    found = measured(one, tmp_path)
    assert [look.n_steps for look in found.curve] == [100, 200, 250, 300]
    assert (found.kept, found.mean, found.n) == (1, found.curve[1].mean, 4)
    assert found.curve[-1].mean != found.mean
    assert found.start == b""
    assert len(points_of(tmp_path)[one.stem]) == 4


def test_what_goes_wrong_is_that_pieces_failure() -> None:
    wrong = dataclasses.replace(agent(), scene=dataclasses.replace(SCENE, preset="nowhere"))
    found = attempt(Task(wrong))
    assert isinstance(found, Failed)
    assert "doesn't exist" in found.error
    assert "Traceback" in found.trace


class ThreeActions:
    """Prefers the last that is left; 0 and 1 are alike."""

    n_actions = 3

    def distribution(self, slot: Slot, chosen: list[int], eligible: Mask) -> Distribution:
        assert slot.id == str(len(chosen))
        shares = np.where(eligible, np.array([0.25, 0.25, 0.5]), 0.0)
        return np.asarray(shares / shares.sum(), dtype=np.float64)


def test_the_likeliest_slate_repeats_nothing() -> None:
    assert likeliest(ThreeActions(), 3) == [2, 0, 1]  # type: ignore[arg-type]  # lists are sequences


class LongEnough(ThreeActions):
    """Knows nothing of the slate before it is told how long it is."""

    def of_length(self, n_slots: int) -> ThreeActions:
        assert n_slots == 2
        return ThreeActions()

    def distribution(self, slot: Slot, chosen: list[int], eligible: Mask) -> Distribution:
        raise AssertionError("nobody said how long the slate is")


def test_the_likeliest_slate_is_that_of_its_length() -> None:
    assert likeliest(LongEnough(), 2) == [2, 0]  # type: ignore[arg-type]  # lists are sequences


def test_a_training_that_is_stopped_leaves_its_points_and_its_best_agent(tmp_path: Path) -> None:
    score = Estimate(1.0, 2.0, 4)
    with pytest.raises(KeyboardInterrupt):
        stopped(Diary(str(tmp_path), "one", tensorboard=False), [Point(10, score, {}), Point(20, score, {"loss": 0.5})])
    assert (tmp_path / "best" / "one.agent").read_bytes() == b"best after 20"
    (points,) = points_of(tmp_path).values()
    assert [point["n_steps"] for point in points] == [10, 20]


def stopped(diary: Diary, points: list[Point]) -> None:
    """A training that Ctrl-C ends after these looks."""
    with diary:
        for point in points:
            diary.tell(point)
            diary.keep(b"best after %d" % point.n_steps)
        raise KeyboardInterrupt


def test_event_files_hold_the_curve(tmp_path: Path) -> None:
    found = attempt(Task(agent(), str(tmp_path), tensorboard=True))
    assert isinstance(found, Result)
    (file,) = (tmp_path / "tensorboard").rglob("events.out.tfevents.*")
    data = file.read_bytes()
    assert all(name in data for name in (b"validation/return", b"test/return", b"training/"))


def test_a_training_that_begins_anew_leaves_one_event_file(tmp_path: Path) -> None:
    folder, score = tmp_path / "tensorboard", Estimate(1.0, 2.0, 4)
    others = [folder / "one" / "notes.txt", folder / "two" / "events.out.tfevents.1.here"]
    for path in (*others, folder / "one" / "events.out.tfevents.1.here"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"before")
    with Diary(str(tmp_path), "one", tensorboard=True) as diary:
        diary.tell(Point(10, score, {}))
    (file,) = (folder / "one").glob("events.out.tfevents.*")
    assert b"validation/return" in file.read_bytes()
    assert [path.read_bytes() for path in others] == [b"before", b"before"]


def test_points_are_told_once_as_they_come(tmp_path: Path) -> None:
    text, one = io.StringIO(), piece("gradient")
    shown = TrainingScreen(Console(file=text, width=200), tmp_path, None)
    shown.begin([one], 2, 1)
    path = tmp_path / "running" / f"{one.stem}.jsonl"
    path.parent.mkdir()
    path.write_text('{"n_steps": 1024, "mean": 7.0, "se": 1.0}\n{"n_st')
    shown.look()
    shown.look()
    shown.finished(one, result(one, 8.0))
    assert text.getvalue().splitlines() == [
        "1 piece of work, 2 finished before, 1 measured again since other code measured it",
        "beginning with somewhere, gradient, seed 0",
        "somewhere, gradient, seed 0: 7.0 ± 2.0 after 1,024 steps",
        "[1/1] somewhere, gradient, seed 0: 8.0 on 100 test users, 60.0 s",
    ]
    shown.begin([log("slateq")], 0, 0)
    (tmp_path / "running" / f"{log('slateq').stem}.jsonl").write_text('{"n_steps": 200, "mean": 7.0, "se": 1.0}\n')
    shown.look()
    assert text.getvalue().endswith("plain, slateq (from a log), seed 0: 7.0 ± 2.0 after 200 decisions\n")
    assert summary(one, Failed(one.title, "ValueError: no")) == "somewhere, gradient, seed 0: failed: ValueError: no"


def test_a_terminal_names_what_is_under_way_from_the_first(tmp_path: Path) -> None:
    text, pieces = io.StringIO(), [piece("slateq", seed) for seed in range(2)]
    console = Console(file=text, width=200, force_terminal=True, color_system=None)
    with screen(console, tmp_path) as shown:
        shown.begin(pieces, 0, 0)
        shown.finished(pieces[0], result(pieces[0], 8.0))
    assert "0 of 2 pieces, under way: somewhere, slateq, seed 0" in text.getvalue()
    assert "1 of 2 pieces, under way: somewhere, slateq, seed 1" in text.getvalue()
