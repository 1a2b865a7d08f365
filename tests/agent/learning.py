"""A learner at work in tests: opened, stepped through time, compared with an undisturbed one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import redis

from agent import keys, progress
from agent.checkpoint import Checkpoint, CheckpointStore
from agent.event_log import LogReader
from agent.fencing import Fence
from agent.join import Join
from agent.learner import LoopLearner
from agent.learner_loop import LearnerLoop
from agent.log_follower import LogFollower, relearn
from agent.loops import LoopSettings
from agent.recipe import RewardRecipe
from agent.records import Tick
from agent.starts import Start
from agent.user_rates import MemoryUsers, UserLedger
from tests.agent import traffic
from tests.agent.traffic import LOOP, START_MS, Written, apply


def fill(client: redis.Redis, written: Iterable[Written]) -> None:
    traffic.store_rows(client)
    for each in written:
        traffic.write(client, each)


def closed_log(client: redis.Redis, n_decisions: int = 200, *, start_ms: int = START_MS) -> None:
    """Traffic whose windows have all closed."""
    fill(client, traffic.traffic(3, n_decisions, start_ms=start_ms))
    end_ms = start_ms + 10_000_000
    traffic.write(client, Written(end_ms, Tick(end_ms)))


def later(client: redis.Redis) -> int:
    """A stream time at which entries can still be written after others, and at which no learner ticks."""
    return server_now(client) + 3_600_000


def server_now(client: redis.Redis) -> int:
    return LogReader(client, LOOP).server_ms()


class Life:
    """Time for one learner after another: each step three seconds after the last."""

    def __init__(self) -> None:
        self.now = 0.0

    def step(self, learner: LearnerLoop) -> bool:
        self.now += 3.0
        return learner.step(self.now)

    def run(self, learner: LearnerLoop) -> LearnerLoop:
        while self.step(learner):
            pass
        return learner


def opened(client: redis.Redis, wanted: LoopSettings) -> LearnerLoop:
    return LearnerLoop(client, LOOP, apply(client, wanted))


def undisturbed(client: redis.Redis, wanted: LoopSettings, start: Start | None = None) -> LogFollower:
    learner = LoopLearner(wanted, start=start)
    follower = LogFollower(LogReader(client, LOOP), Join(RewardRecipe(wanted.reward)), learner)
    while follower.gather():
        pass
    while follower.advance():
        pass
    return follower


def outcome(follower: LogFollower) -> tuple[object, ...]:
    """Everything that learning has come to; the snapshot holds the engine's bytes as they are now."""
    join, learner = follower.join, follower.learner
    return join.state(), learner.n_learned, learner.refused, learner.variants, learner.snapshot(join.tail)


def user_rows(client: redis.Redis, wanted: LoopSettings) -> dict[str, bytes]:
    """User's mark → row, as the datastore has them for this lineage."""
    prefix = keys.user(LOOP, wanted.learning_hash, "")
    found: dict[str, Any] = {key.decode(): client.get(key) for key in client.scan_iter(match=f"{prefix}*")}
    return {key.removeprefix(prefix): row for key, row in found.items()}


def undisturbed_rows(client: redis.Redis, wanted: LoopSettings, start: Start | None = None) -> dict[str, bytes]:
    """The same, of a learner that read the log in one go."""
    users = MemoryUsers()
    relearn(LogReader(client, LOOP), wanted, users=UserLedger(users), start=start).close()
    return users.rows


def newest_checkpoint(client: redis.Redis, wanted: LoopSettings) -> Checkpoint:
    checkpoint = CheckpointStore(client, Fence(LOOP, wanted.learning_hash, 0)).load().checkpoint
    assert checkpoint is not None
    return checkpoint


def report(client: redis.Redis, wanted: LoopSettings) -> progress.Progress:
    found = progress.read(client, LOOP, wanted.learning_hash)
    assert found is not None
    return found
