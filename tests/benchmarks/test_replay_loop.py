"""One log for several ways to learn: the first is what ``from_log`` does, to the slate; the others get its blocks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from agent.loops import LimitSettings
from agent.snapshots import LoopSnapshot
from benchmarks.replay_course import OURS, PASSES, Judge
from benchmarks.replay_learner import Replaying, ReplayOptions
from benchmarks.replay_loop import Group, Loops, Passes, Ways
from envs.episodes import Estimate
from envs.presets import make_world
from envs.world import World
from policies.base import PolicyError
from policies.neural.one_thread import one_thread
from policies.slateq.options import SlateQOptions
from policies.slateq.trained import Trained
from policies.trajectories import Trajectory
from simulator import from_log
from simulator.from_log import LogCourse
from simulator.frozen import score_snapshot
from tests.benchmarks.two_items import TWO, step

TINY = {"hidden": [8], "fit_on": 256, "block": 64, "block_minibatch": 16}
REPLAY = ReplayOptions(n_uses=2.0, batch=32)
WAYS: Ways = {OURS: Passes(replays=True), PASSES: Passes(), "replay": REPLAY}


def world(n_users: int) -> World:
    return make_world("interest-evolution", num_envs=n_users)


def test_the_learner_as_it_is_is_what_from_log_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same nets from the same log, to the byte. Scored by arrays in the place of JSON they may differ where two
    slates are all but alike, as here after a few blocks: by less than the 5 that a score of 8 users strays anyway."""
    looks: list[tuple[bytes, float]] = []

    def spied(snapshot: LoopSnapshot, limits: LimitSettings, world: World) -> Estimate:
        found = score_snapshot(snapshot, limits, world)
        looks.append((snapshot.policy, found.mean))
        return found

    monkeypatch.setattr(from_log, "score_snapshot", spied)
    from_log.learn_from_log(LogCourse("slateq", world, 1000, 0, 8, options=TINY), seed=1)
    judge = Judge(world, 8)
    with one_thread():
        found = [one.snapshot() for one in Loops(world, 1, TINY).logged(WAYS, [500, 1000])]
    assert found == [policy for policy, _ in looks]
    assert judge.score(found[-1]) == pytest.approx(looks[-1][1], abs=5.0)


def test_each_way_goes_on_by_itself_when_it_serves() -> None:
    loops = Loops(world, 0, TINY)
    with one_thread():
        (learner,) = loops.logged(WAYS, [600])
        alone = {way: learner.alone(way) for way in WAYS}
        before = {way: one.snapshot() for way, one in alone.items()}
        busy_s = alone["replay"].busy_s
        loops.served(alone["replay"], 600, 500)
    after = {way: one.snapshot() for way, one in alone.items()}
    assert before[OURS] == after[OURS] == learner.snapshot()
    assert before[PASSES] == after[PASSES]
    assert len({before[OURS], before[PASSES], before["replay"], after["replay"]}) == 4
    assert alone["replay"].busy_s > busy_s > 0.0


def test_all_begin_with_the_same_nets() -> None:
    """The first block has 256 steps, so nothing has been learned yet."""
    (learner,) = Loops(world, 0, {"hidden": [8], "fit_on": 32}).logged(WAYS, [250])
    assert learner.group is not None
    assert len({one.parameters() for one in learner.group.members.values()}) == 1


def test_all_learn_from_the_same_block_and_each_is_timed() -> None:
    """A clock that moves one second per look: every block takes a member one second."""
    ticks, options = itertools.count(), SlateQOptions(hidden=())
    nets = {name: Trained(options, TWO, n_slots=1, seed=0) for name in ("one", "other")}
    nets["replay"] = Replaying(options, TWO, n_slots=1, seed=0, how=REPLAY)
    group = Group(nets, clock=lambda: float(next(ticks)))
    blank = group.snapshot()
    for reward in (1.0, 2.0, 3.0):
        group.learn([Trajectory("", (step(show=0, reward=reward),) * 4)], np.random.default_rng(0))
    assert group.busy_s == {"one": 3.0, "other": 3.0, "replay": 3.0}
    assert nets["one"].parameters() == nets["other"].parameters()
    assert len({blank, nets["one"].snapshot(), nets["replay"].snapshot()}) == 3
    assert group.alone("replay").busy_s == {"replay": 3.0}


def test_a_log_too_short_to_learn_from_is_refused() -> None:
    (learner,) = Loops(world, 0, TINY).logged(WAYS, [10])
    with pytest.raises(PolicyError, match="more than 256 decisions"):
        learner.alone("replay")
