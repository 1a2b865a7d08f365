"""What is compared with passes over blocks, and how much of it: every way to learn on every log, scored.

In: a plan. Out: for each way and log the returns at each look, and the processor time of learning. ``replay.py`` makes
tables of it; ``replay_loop.py`` has the loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.replay_learner import ReplayOptions
from benchmarks.replay_loop import GroupLearner, Loops, Passes, Ways
from envs.episodes import run_episodes
from envs.presets import make_world
from envs.world import Indices, World
from policies.neural.dense import DenseEncoder
from policies.neural.one_thread import one_thread
from policies.slateq import acting
from policies.slateq.snapshot import Snapshot
from simulator.encoded_world import WorldEncoding, bound, samples
from simulator.train import TEST_SEED

PRESET = "interest-evolution"
PASSES = "passes over blocks"
OURS = "passes, and sessions replayed"
OFTEN = ReplayOptions(n_uses=32)
WAYS: Ways = MappingProxyType(
    {
        PASSES: Passes(),
        OURS: Passes(replays=True),
        "8 passes over each block": Passes(8),
        "replay, 8 steps, best slate, 2 uses": replace(OFTEN, n_uses=2),
        "replay, 8 steps, best slate": OFTEN,
        "replay, 8 steps, slate shown": replace(OFTEN, bootstrap="shown"),
        "replay, 1 step, best slate": replace(OFTEN, n_ahead=1),
    }
)
USUAL = tuple(WAYS)[:-1]
"""Those that are compared where nothing else is asked for."""

SERVING = (PASSES, OURS, "replay, 8 steps, best slate")
"""Those that serve after the log, where nothing else is asked for; it takes as long as the log itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much.

    Attributes:
        ways: What is compared; ``PASSES`` among them.
        serving: Those of them that serve after the log.
        n_logged: Decisions of the control.
        n_served: Then, of each agent's own snapshots; 0 for none.
        n_users: Test users.
        seeds: One log each.
        options: Of SlateQ.
    """

    ways: Ways
    serving: Sequence[str]
    n_logged: int
    n_served: int
    n_users: int
    seeds: Sequence[int]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def marks(self) -> tuple[int, ...]:
        """Lengths of the log at which to look."""
        return self.n_logged // 4, self.n_logged // 2, self.n_logged

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all looks, in order."""
        served = (f"{self.n_served:,} served",) if self.n_served else ()
        return (*(f"{mark:,}" for mark in self.marks), *served)


@dataclass(frozen=True, slots=True)
class Reached:
    """What one way came to, on one log.

    Attributes:
        returns: Of an episode of the test users, one for each look; NaN where it didn't serve.
        busy_s: Processor time of learning from the log, without what is done once for all ways.
    """

    returns: tuple[float, ...]
    busy_s: float


Found = Mapping[str, Sequence[Reached]]
"""Way → seeds."""


def compare(plan: Plan, tell: Callable[[str], object] = lambda _: None) -> dict[str, list[Reached]]:
    """Every way on every log; then those that serve, on each.

    Args:
        plan: What, and how much.
        tell: Told each return as it is found.

    Raises:
        policies.base.PolicyError: if nets break down, or the log is too short to learn anything from.
    """
    with one_thread():
        logs = [OneLog.learned(plan, seed, tell) for seed in plan.seeds]
        if plan.n_served:
            for one in logs:
                one.serve(plan, tell)
    return {way: [one.reached(way) for one in logs] for way in plan.ways}


@dataclass(frozen=True, slots=True)
class OneLog:
    """What a log taught.

    Attributes:
        loops: Of this log.
        judge: Of all that was learned.
        learners: Way → learner, which goes on when it serves.
        returns: Way → returns so far.
        busy_s: Way → processor time of learning from the log.
    """

    loops: Loops
    judge: Judge
    learners: Mapping[str, GroupLearner]
    returns: Mapping[str, list[float]]
    busy_s: Mapping[str, float]

    @classmethod
    def learned(cls, plan: Plan, seed: int, tell: Callable[[str], object]) -> OneLog:
        """Learn all of it, and look now and then."""
        judge, learners, busy_s = Judge(_world, plan.n_users), dict[str, GroupLearner](), dict[str, float]()
        loops, returns = Loops(_world, seed, plan.options), {way: list[float]() for way in plan.ways}
        for mark, learner in zip(plan.marks, loops.logged(plan.ways, plan.marks), strict=True):
            learners = {way: learner.alone(way) for way in plan.ways}
            busy_s = {way: one.busy_s for way, one in learners.items()}
            for way, one in learners.items():
                returns[way].append(judge.score(one.snapshot()))
                tell(f"seed {seed}, {mark:,} logged, {way}: {returns[way][-1]:.1f}, {busy_s[way]:.1f} s")
        return cls(loops, judge, learners, returns, busy_s)

    def serve(self, plan: Plan, tell: Callable[[str], object]) -> None:
        """Have those serve that are to, and look again."""
        for way, learner in self.learners.items():
            if way not in plan.serving:
                self.returns[way].append(math.nan)
                continue
            self.loops.served(learner, plan.n_logged, plan.n_served)
            self.returns[way].append(self.judge.score(learner.snapshot()))
            tell(f"seed {self.loops.seed}, {plan.n_served:,} served, {way}: {self.returns[way][-1]:.1f}")

    def reached(self, way: str) -> Reached:
        """What a way came to."""
        return Reached(tuple(self.returns[way]), self.busy_s[way])


def _world(n_users: int) -> World:
    return make_world(PRESET, num_envs=n_users)


class Judge:
    """Scores what would be served, by the same test users each time.

    Attributes:
        make: The world, for so many users.
    """

    def __init__(self, make: Callable[[int], World], n_users: int) -> None:
        self.make, self._n_users = make, n_users
        self._encodings: dict[bytes, WorldEncoding] = {}

    def score(self, snapshot: bytes) -> float:
        """Mean return of an episode under the best slates that a snapshot knows."""
        served = Snapshot.from_bytes(snapshot)
        encoding = self._encoding(served.encoder)

        def choose(world: World, _: np.random.Generator) -> Indices:
            return acting.greedy(served.model, *encoding.encode(*world.observe()))

        world = self.make(self._n_users)
        return run_episodes(world, choose, n_episodes=self._n_users, seed=TEST_SEED).estimate("return").mean

    def _encoding(self, encoder: DenseEncoder) -> WorldEncoding:
        name = encoder.to_bytes()
        if name not in self._encodings:
            self._encodings[name] = bound(encoder, samples(self.make, seed=0), samples(self.make, seed=1))
        return self._encodings[name]
