"""Which learners there should be, and when a new lineage takes over: one look at the datastore, one set of orders.

In: loops, settings, logs and reports from the datastore; the learners that are running. Out: learners started and
stopped through a port, lineages switched.

A loop has a learner for the lineage of its current settings, and for the lineage that is served until the new one has
caught up. A loop without events has none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import redis

from agent import progress
from agent.event_log import LogReader, server_ms
from agent.learner_host import State
from agent.loop_store import LoopStore
from agent.records import ZERO, SettingsChange
from agent.snapshots import SnapshotStore

FRESH_MS = 5_000
"""A report younger than this comes from a learner at work."""

FEW = 20
"""A new lineage has caught up when it is at most this much further behind than the old one."""

THIN_EVERY_MS = 600_000

_N_LOOKED_AT = 100

_log = logging.getLogger(__name__)


class LearnerId(NamedTuple):
    """One lineage of one loop."""

    loop: str
    lineage: str


class Learners(Protocol):
    """Where learners run."""

    def running(self) -> Mapping[LearnerId, State | None]:
        """Every learner there is, and what it is doing; None where it doesn't say now."""
        ...

    def start(self, learner: LearnerId) -> None:
        """Start one; it comes back by itself if its process dies."""
        ...

    def stop(self, learner: LearnerId) -> None:
        """Stop one for good."""
        ...


class Supervision:
    """Sees to it that the right learners run."""

    def __init__(self, client: redis.Redis, learners: Learners) -> None:
        self._client = client
        self._learners = learners
        self._store = LoopStore(client)
        self._with_events: set[str] = set()
        self._thinned_at_ms = 0

    def step(self) -> None:
        """Look once, and put right what isn't.

        Raises:
            redis.RedisError: if the datastore is away; what was done before stays done.
        """
        now_ms = server_ms(self._client)
        running = self._learners.running()
        wanted = {learner for loop in self._store.names() for learner in self._wanted(loop, now_ms)}
        for learner, state in running.items():
            if learner not in wanted:
                _log.info("loop %s: the learner of lineage %s is no longer needed", *learner)
                self._learners.stop(learner)
            elif self._must_restart(learner, state, now_ms):
                _log.warning("loop %s: the learner of lineage %s is %s; starting it anew", *learner, state)
                self._learners.stop(learner)
                self._learners.start(learner)
        for learner in sorted(wanted - running.keys()):
            _log.info("loop %s: starting the learner of lineage %s", *learner)
            self._learners.start(learner)
        self._thin_retired(wanted, now_ms)

    def _wanted(self, loop: str, now_ms: int) -> set[LearnerId]:
        stored = self._store.current(loop)
        if stored is None or not self._has_events(loop):
            return set()
        current = LearnerId(loop, stored.settings.learning_hash)
        snapshots = SnapshotStore(self._client, loop)
        serving = snapshots.serving()
        if serving is None or serving.lineage == current.lineage:
            return {current}
        served = LearnerId(loop, serving.lineage)
        if self._has_caught_up(current, served, now_ms):
            snapshots.switch_lineage(current.lineage)
            _log.info("loop %s: lineage %s has caught up and takes over from %s", *current, served.lineage)
            return {current}
        return {current, served}

    def _has_caught_up(self, new: LearnerId, old: LearnerId, now_ms: int) -> bool:
        report, other = self._fresh_report(new, now_ms), self._fresh_report(old, now_ms)
        if report is None or not report.published:
            return False
        return report.n_behind <= FEW + (other.n_behind if other else 0)

    def _fresh_report(self, learner: LearnerId, now_ms: int) -> progress.Progress | None:
        report = progress.read(self._client, *learner)
        return report if report and now_ms - report.reported_at < FRESH_MS else None

    def _must_restart(self, learner: LearnerId, state: State | None, now_ms: int) -> bool:
        """A fenced learner makes way as long as the one that took over is at work."""
        return state == "stopped" or (state == "fenced" and self._fresh_report(learner, now_ms) is None)

    def _has_events(self, loop: str) -> bool:
        """Whether anything but changes of settings ever happened; looked at until something has."""
        if loop not in self._with_events:
            first = LogReader(self._client, loop).read(ZERO, _N_LOOKED_AT)
            only_settings = all(isinstance(entry.record, SettingsChange) for entry in first)
            if len(first) == _N_LOOKED_AT or not only_settings:
                self._with_events.add(loop)
        return loop in self._with_events

    def _thin_retired(self, wanted: set[LearnerId], now_ms: int) -> None:
        """Snapshots of lineages that nobody learns grow old too."""
        if now_ms - self._thinned_at_ms < THIN_EVERY_MS:
            return
        self._thinned_at_ms = now_ms
        for loop in self._store.names():
            for past in self._store.lineages(loop):
                if LearnerId(loop, past.lineage) not in wanted:
                    SnapshotStore(self._client, loop).thin(past.lineage)
