"""Whether a loop's learner is at work, on its way, or missing.

In: the learner's last report, when its lineage and the log began. Out: a ``LearnerStatus``, and sentences. Blocking.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from redis import Redis

from agent.event_log import LogReader
from agent.first_event import first_event_ms
from agent.loop_store import LoopStore
from agent.progress import Progress

ALIVE_S = 10.0
"""A learner that has not reported for so long counts as stopped."""

STARTING_S = 30.0
"""A learner may take so long from when it is first needed to its first report."""

LearnerState = Literal["alive", "starting", "waiting", "stopped"]


class LearnerStatus(msgspec.Struct, frozen=True):
    """The learner's last report.

    Attributes:
        alive: Whether it reported within the last ten seconds.
        reported_at: Unix seconds; null before the first report.
        n_behind: Decisions ready to be learned that aren't yet, and log entries not read yet.
        lag_s: How long the next decision has been ready.
        n_open: Decisions whose reward window is open.
        state: ``alive``; ``starting`` in the first half minute after the loop, its lineage, its first event or the
            process that answers; ``waiting`` for the loop's first event, before which there is no learner; else
            ``stopped``.
    """

    alive: bool
    reported_at: float | None
    n_behind: int
    lag_s: float
    n_open: int
    state: LearnerState


def learner_of(report: Progress | None, state: LearnerState) -> LearnerStatus:
    """The learner's status."""
    if report is None:
        return LearnerStatus(False, None, 0, 0.0, 0, state)
    at_s = report.reported_at / 1000 or None
    return LearnerStatus(state == "alive", at_s, report.n_behind, report.lag_s, report.n_open, state)


def state_of(redis: Redis, loop: str, lineage: str, report: Progress | None, *, up_s: float) -> LearnerState:
    """What the learner of a lineage is doing.

    Args:
        redis: A sync client.
        loop: The loop.
        lineage: Learning hash.
        report: The lineage's last one.
        up_s: Seconds since the process that answers started: the whole service may have started with it.
    """
    log = LogReader(redis, loop)
    now_ms = log.server_ms()
    if report is not None and now_ms - report.reported_at < 1000 * ALIVE_S:
        return "alive"
    if report is not None and report.why:
        return "stopped"
    begun_ms = _begun_ms(redis, loop, lineage)
    if report is None and not _has_start(redis, loop):
        first_ms = first_event_ms(log)
        if first_ms is None:
            return "waiting"
        begun_ms = max(begun_ms, first_ms)
    return "starting" if min(up_s, (now_ms - begun_ms) / 1000) < STARTING_S else "stopped"


def told_of_learner(learner: LearnerStatus) -> list[str]:
    """Why nothing is learned now, if so."""
    if learner.state == "waiting":
        return ["No decision has been logged yet; POST /v1/slates makes one, and the learner starts with it."]
    if learner.state == "starting":
        return ["The loop's learner is starting; it reports within seconds."]
    if learner.state == "stopped":
        since = "has not reported yet" if learner.reported_at is None else "has not reported lately"
        return [f"The learner {since}; it is restarted by itself, see the service's log."]
    return []


def _begun_ms(redis: Redis, loop: str, lineage: str) -> float:
    """When the lineage became the loop's, last time; 0 where that isn't known."""
    since = [one.since for one in LoopStore(redis).lineages(loop) if one.lineage == lineage]
    return 1000 * datetime.fromisoformat(since[0]).timestamp() if since else 0.0


def _has_start(redis: Redis, loop: str) -> bool:
    """Whether the loop begins with a trained agent: then it has a learner before its first event."""
    stored = LoopStore(redis).current(loop)
    return stored is not None and bool(stored.settings.policy.start)
