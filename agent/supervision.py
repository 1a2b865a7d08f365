"""Which learners there should be, and when a new lineage takes over: one look at the datastore, one set of orders.

In: loops, settings, logs and reports from the datastore; the learners that are running. Out: learners started and
stopped through a port, lineages switched.

A loop has a learner for the lineage of its current settings, and for the lineage that is served until the new one has
caught up. A loop without events has none, unless it begins with a trained agent, which is worth serving at once.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import redis

from agent import progress
from agent.datastore import memory
from agent.event_log import LogReader, server_ms
from agent.first_event import first_event_ms
from agent.learner_host import State
from agent.loop_store import LoopStore
from agent.snapshots import SnapshotStore

FRESH_MS = 5_000
"""A report younger than this comes from a learner at work."""

FEW = 20
"""A new lineage has caught up when it is at most this much further behind than the old one."""

SILENT_MS = 30_000
"""A learner that neither answers nor reports for so long has hung."""

FULL = 0.8
"""Share of the datastore's memory from which on the log says so, every ``MEMORY_EVERY_MS``."""

MEMORY_EVERY_MS = 60_000

THIN_EVERY_MS = 600_000

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
        self._seen_at_ms: dict[LearnerId, int] = {}
        self._thinned_at_ms = self._measured_at_ms = 0

    def step(self) -> None:
        """Look once, and put right what isn't; a loop that can't be looked after is logged and left as it is.

        Raises:
            redis.RedisError: if the datastore is away; what was done before stays done.
        """
        now_ms = server_ms(self._client)
        running = self._learners.running()
        self._seen_at_ms = {learner: self._seen_at_ms.get(learner, now_ms) for learner in running}
        names = self._store.names()
        wanted: set[LearnerId] = set()
        for loop in sorted({*names, *(learner.loop for learner in running)}):
            of_loop = {learner: state for learner, state in running.items() if learner.loop == loop}
            wanted |= of_loop.keys()
            with _alone(loop):
                right = self._wanted(loop, now_ms) if loop in names else set()
                wanted = (wanted - of_loop.keys()) | right
                self._put_right(of_loop, right, now_ms)
        self._thin_retired(wanted, now_ms)
        self._warn_if_full(now_ms)

    def _put_right(self, running: Mapping[LearnerId, State | None], wanted: set[LearnerId], now_ms: int) -> None:
        """Stop, restart and start the learners of one loop."""
        for learner, state in running.items():
            if learner not in wanted:
                _log.info("loop %s: the learner of lineage %s is no longer needed", *learner)
                self._learners.stop(learner)
            elif self._must_restart(learner, state, now_ms):
                _log.warning("loop %s: the learner of lineage %s is %s; starting it anew", *learner, state or "silent")
                self._seen_at_ms.pop(learner)
                self._learners.stop(learner)
                self._learners.start(learner)
        for learner in sorted(wanted - running.keys()):
            _log.info("loop %s: starting the learner of lineage %s", *learner)
            self._learners.start(learner)

    def _wanted(self, loop: str, now_ms: int) -> set[LearnerId]:
        stored = self._store.current(loop)
        if stored is None or not (stored.settings.policy.start or self._has_events(loop)):
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
        newest = SnapshotStore(self._client, new.loop).newest(new.lineage)
        if report is None or newest is None or newest.n_learned < report.n_learned - FEW:
            return False  # what would be served is not what has caught up
        return report.n_behind <= FEW + (other.n_behind if other else 0)

    def _fresh_report(self, learner: LearnerId, now_ms: int) -> progress.Progress | None:
        report = progress.read(self._client, *learner)
        return report if report and now_ms - report.reported_at < FRESH_MS else None

    def _must_restart(self, learner: LearnerId, state: State | None, now_ms: int) -> bool:
        """A fenced learner makes way as long as the one that took over is at work."""
        if state is None:
            return self._is_silent(learner, now_ms)
        return state == "stopped" or (state == "fenced" and self._fresh_report(learner, now_ms) is None)

    def _is_silent(self, learner: LearnerId, now_ms: int) -> bool:
        if now_ms - self._seen_at_ms[learner] <= SILENT_MS:
            return False
        report = progress.read(self._client, *learner)
        return report is None or now_ms - report.reported_at > SILENT_MS

    def _has_events(self, loop: str) -> bool:
        """Whether anything but changes of settings ever happened; looked at until something has."""
        if loop not in self._with_events and first_event_ms(LogReader(self._client, loop)) is not None:
            self._with_events.add(loop)
        return loop in self._with_events

    def _thin_retired(self, wanted: set[LearnerId], now_ms: int) -> None:
        """Snapshots of lineages that nobody learns grow old too."""
        if now_ms - self._thinned_at_ms < THIN_EVERY_MS:
            return
        self._thinned_at_ms = now_ms
        for loop in self._store.names():
            with _alone(loop):
                for past in self._store.lineages(loop):
                    if LearnerId(loop, past.lineage) not in wanted:
                        SnapshotStore(self._client, loop).thin(past.lineage)

    def _warn_if_full(self, now_ms: int) -> None:
        if now_ms - self._measured_at_ms < MEMORY_EVERY_MS:
            return
        self._measured_at_ms = now_ms
        share = memory(self._client).share
        if share is not None and share >= FULL:
            _log.warning(
                "the datastore's memory is %.0f %% full; when it is full it refuses slates: enlarge it", 100 * share
            )


@contextlib.contextmanager
def _alone(loop: str) -> Iterator[None]:
    """One loop's trouble stays its own; a datastore that is away is everybody's."""
    try:
        yield
    except redis.ResponseError as error:
        _log.error("loop %s is left as it is: %s", loop, error)
    except redis.RedisError:
        raise
    except Exception:  # noqa: BLE001 - logged; one loop must not keep the others from being looked after
        _log.exception("loop %s is left as it is", loop)
