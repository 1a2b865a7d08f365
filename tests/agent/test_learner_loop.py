from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import redis

from agent import keys, learner_loop, log_follower, progress
from agent.checkpoint import Checkpoint, CheckpointStore
from agent.event_log import FIELD, LogReader
from agent.fencing import Fence, Fenced, claim
from agent.learner_loop import LearnerLoop, LogLost
from agent.log_follower import relearn
from agent.loops import LoopSettings
from agent.records import Decision, SettingsChange, Tick, encode
from agent.snapshots import SnapshotStore
from tests.agent import traffic
from tests.agent.traffic import LOOP, START_MS, WINDOW_MS, Written, apply, settings

END_MS = START_MS + 10_000_000


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crashes then fall into the middle of what an uninterrupted learner reads at once."""
    monkeypatch.setattr(log_follower, "BATCH", 40)
    monkeypatch.setattr(learner_loop, "BATCH", 40)


def fill(client: redis.Redis, written: Iterable[Written]) -> None:
    traffic.store_rows(client)
    for each in written:
        traffic.write(client, each)


def closed_log(client: redis.Redis, n_decisions: int = 300, seed: int = 3) -> None:
    """Traffic whose windows have all closed."""
    fill(client, traffic.traffic(seed, n_decisions))
    traffic.write(client, Written(END_MS, Tick(END_MS)))


def n_expected(client: redis.Redis) -> int:
    """Non-deferred decisions in the log; the traffic's deferred ones are looked up in the join's own counters."""
    entries = LogReader(client, LOOP).read(traffic_start(), 100_000)
    return sum(isinstance(entry.record, Decision) for entry in entries)


def traffic_start() -> Any:
    from agent.records import ZERO

    return ZERO


class Life:
    """Time for one learner after another: each step three seconds later."""

    def __init__(self) -> None:
        self.now = 0.0

    def run(self, learner: LearnerLoop) -> LearnerLoop:
        while self.step(learner):
            pass
        return learner

    def step(self, learner: LearnerLoop) -> bool:
        self.now += 3.0
        return learner.step(self.now)
