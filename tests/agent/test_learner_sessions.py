"""A learner that learns from whole sessions is as exact as one that doesn't."""

from __future__ import annotations

import random

import pytest
import redis

from agent import learner_loop, log_follower
from agent.event_log import LogReader
from agent.log_follower import relearn
from agent.loops import LoopSettings
from agent.records import ZERO, StreamId
from tests.agent.learning import Life, closed_log, newest_checkpoint, opened, outcome, undisturbed
from tests.agent.traffic import LOOP, settings


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner's life then has many steps, and crashes fall into the middle of it."""
    monkeypatch.setattr(log_follower, "BATCH", 40)
    monkeypatch.setattr(learner_loop, "BATCH", 40)


def small(kind: str) -> LoopSettings:
    return settings(kind, fit_on=30, block=16, block_minibatch=8, hidden=[4], most_steps=9, most_bytes=2048)


@pytest.mark.parametrize(("kind", "seed"), [("gradient", 0), ("gradient", 1), ("slateq", 2)])
def test_a_learner_killed_at_random_ends_where_an_undisturbed_one_does(
    redis_client: redis.Redis, kind: str, seed: int
) -> None:
    wanted, dice, life = small(kind), random.Random(seed), Life()
    closed_log(redis_client)
    more, n_lives = True, 0
    while more:
        learner, n_lives = opened(redis_client, wanted), n_lives + 1
        for _ in range(dice.randrange(1, 7)):
            more = life.step(learner)
            if not more:
                break
    assert n_lives > 2
    expected = undisturbed(redis_client, wanted)
    assert outcome(learner.follower) == outcome(expected)
    checkpoint = newest_checkpoint(redis_client, wanted)
    again = relearn(LogReader(redis_client, LOOP), wanted, checkpoint.join.tail)
    assert checkpoint.learner == again.state()
    assert again.n_learned > 150
    assert any(reason.startswith("room: ") for reason in again.troubles())
    assert again.state() != relearn(LogReader(redis_client, LOOP), wanted, middle(redis_client)).state()


def middle(client: redis.Redis) -> StreamId:
    """Somewhere in the middle of the log."""
    entries = LogReader(client, LOOP).read(ZERO, 100_000)
    return entries[len(entries) // 2].id
