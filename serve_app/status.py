"""What a loop has learned, from how much, how late; and why nothing changed if nothing did.

In: what the learner reported, the serving pointer, the settings, the log. Out: a ``StatusAnswer``. Blocking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
from redis import Redis

from agent import progress
from agent.arms import BASELINE, LEARNED
from agent.datastore import memory
from agent.event_log import LogReader
from agent.join import Counters
from agent.loop_store import LoopStore, StoredSettings
from agent.loops import DEFAULT_LOOP
from agent.progress import Progress
from agent.snapshots import Serving, SnapshotStore
from agent.variant_stats import VariantSums
from policies.backlog import Backlog
from policies.neural.dense import DenseEncoder
from serve_app.apprentice_status import ApprenticeStatus, apprentice_of
from serve_app.learner_status import LearnerStatus, learner_of, state_of
from serve_app.left_out import left_out
from serve_app.strays import OrphanStatus, astray_from, orphans_of, other_loops
from serve_app.troubles import is_told
from serve_app.why import Seen, told_of_memory, told_of_taking_over, why


class ServingStatus(msgspec.Struct, frozen=True):
    """The snapshot being served; ``published_at`` in Unix seconds."""

    version: str
    pinned: bool
    published_at: float
    age_s: float
    n_learned: int


class ExperienceCounts(msgspec.Struct, frozen=True):
    """What became of decisions and feedback."""

    learned: int = 0
    late: int = 0
    duplicate: int = 0
    orphan: int = 0
    refused: int = 0
    inactive: int = 0
    ignored: int = 0
    clock_jump: int = 0


class VariantStatus(msgspec.Struct, frozen=True):
    """How an arm fares; null where too little is known."""

    share: float
    n_decisions: int
    n_slots: int
    reward_per_slot: float | None
    interval_95: tuple[float, float] | None


class LiftStatus(msgspec.Struct, frozen=True):
    """The learned arm's reward per slot over a control's, as a fraction: 0.15 is 15 % more."""

    value: float
    interval_95: tuple[float, float]


class LogStatus(msgspec.Struct, frozen=True):
    """The loop's event log."""

    n_entries: int
    n_bytes: int


class Relearning(msgspec.Struct, frozen=True):
    """A lineage that is being learned from the log while another is served."""

    lineage: str
    n_learned: int
    n_behind: int


class StatusAnswer(msgspec.Struct, frozen=True):
    """A loop's status; ``why`` says in plain sentences what it waits for.

    Attributes:
        mode: ``online``, ``apprentice`` or ``logging_only``.
        n_joined: Decisions joined with their rewards, whether or not they could be learned from.
        apprentice: How the policy's own choices fared in apprentice mode; null where there are none.
        backlog: Of an agent with nets, steps that have changed no net yet; null for other policies.
        orphans: Rewards and activations that went to this loop and name no event of it.
        troubles: What of the features could not be taken as it came, by reason; ``why`` explains what matters.
    """

    loop: str
    settings_version: int
    policy: str
    lineage: str
    serving: ServingStatus | None
    learner: LearnerStatus
    experiences: ExperienceCounts
    variants: dict[str, VariantStatus]
    lift: dict[str, LiftStatus | None]
    log: LogStatus
    relearning: Relearning | None
    why: list[str]
    troubles: dict[str, int]
    mode: str
    n_joined: int
    apprentice: ApprenticeStatus | None
    backlog: Backlog | None
    orphans: OrphanStatus


def read_status(
    redis: Redis,
    name: str,
    *,
    trouble: str = "",
    sees_all: bool = True,
    up_s: float = math.inf,
    encoder: DenseEncoder | None = None,
) -> StatusAnswer | None:
    """A loop's status, or None where there is no such loop.

    Args:
        redis: A sync client.
        name: The loop.
        trouble: Why this replica isn't serving what it should, if so.
        sees_all: Whether whoever asks may be told of other loops.
        up_s: Seconds since the process that answers started: learners may have been started no earlier.
        encoder: Of the agent being served.
    """
    stored = LoopStore(redis).current(name)
    if stored is None:
        return None
    log = LogReader(redis, name)
    wanted = stored.settings.learning_hash
    serving = SnapshotStore(redis, name).serving()
    lineage = wanted if serving is None else serving.lineage
    report = progress.read(redis, name, lineage)
    newer = progress.read(redis, name, wanted) if lineage != wanted else None
    learner = learner_of(report, state_of(redis, name, lineage, report, up_s=up_s))
    orphans = orphans_of(redis, name, report, others=other_loops(redis, name) if sees_all else ())
    elsewhere = _elsewhere(redis, name) if sees_all else OrphanStatus()
    strange = _left_out(redis, name, report, encoder)
    seen = Seen(name, stored, report, serving, learner, trouble, orphans, elsewhere, strange)
    return StatusAnswer(
        loop=name,
        settings_version=stored.version,
        policy=stored.settings.policy.kind,
        lineage=lineage,
        serving=_serving(serving, log.server_ms()),
        learner=learner,
        experiences=counts(report),
        variants=_variants(stored, report),
        lift=_lifts(report),
        log=LogStatus(log.n_entries(), log.n_bytes()),
        relearning=None if lineage == wanted else _relearning(wanted, newer),
        why=[
            *why(seen),
            *([] if lineage == wanted else [told_of_taking_over(newer, serving)]),
            *told_of_memory(memory(redis)),
        ],
        troubles={} if report is None else report.troubles,
        mode=stored.settings.mode,
        n_joined=0 if report is None else sum(one.n_decisions for one in report.variants.values()),
        apprentice=apprentice_of(report),
        backlog=None if report is None else report.backlog,
        orphans=orphans,
    )


def _elsewhere(redis: Redis, name: str) -> OrphanStatus:
    """What has gone astray in the loop that rewards go to that name none; nothing where that is this loop."""
    stored = None if name == DEFAULT_LOOP else LoopStore(redis).current(DEFAULT_LOOP)
    if stored is None:
        return OrphanStatus()
    serving = SnapshotStore(redis, DEFAULT_LOOP).serving()
    lineage = stored.settings.learning_hash if serving is None else serving.lineage
    return astray_from(redis, name, progress.read(redis, DEFAULT_LOOP, lineage))


def _left_out(redis: Redis, name: str, report: Progress | None, encoder: DenseEncoder | None) -> list[str]:
    """Features by name, where it is told that some are left out."""
    if report is None or encoder is None or not is_told("vocabulary", report.troubles, report.n_learned):
        return []
    return left_out(redis, name, encoder)


def counts(report: Progress | None) -> ExperienceCounts:
    """What the learner counted, under the names that status and metrics use."""
    if report is None:
        return ExperienceCounts()
    counters: Counters = report.counters
    return ExperienceCounts(
        learned=report.n_learned,
        late=counters.late,
        duplicate=counters.duplicate,
        orphan=counters.orphan,
        refused=report.n_refused,
        inactive=counters.inactive,
        ignored=counters.ignored,
        clock_jump=counters.clock_jump,
    )


def _serving(serving: Serving | None, now_ms: int) -> ServingStatus | None:
    if serving is None:
        return None
    at_s, age_s = serving.published_at / 1000, max(0.0, (now_ms - serving.published_at) / 1000)
    return ServingStatus(serving.version, serving.pinned, at_s, age_s, serving.n_learned)


def _variants(stored: StoredSettings, report: Progress | None) -> dict[str, VariantStatus]:
    sums: Mapping[str, VariantSums] = {} if report is None else report.variants
    shares = stored.settings.variants
    return {
        name: VariantStatus(
            shares.get(name, 0.0), one.n_decisions, one.n_slots, one.reward_per_slot(), one.interval_95()
        )
        for name, one in ((name, sums.get(name, VariantSums())) for name in {**shares, **sums})
    }


def _lifts(report: Progress | None) -> dict[str, LiftStatus | None]:
    """Over each control; null where it can't be estimated yet."""
    if report is None or LEARNED not in report.variants:
        return {}
    mine = report.variants[LEARNED]
    controls = report.variants.keys() - {LEARNED, BASELINE}  # the baseline of other modes was served at other times
    estimates = {name: mine.lift_over(control) for name, control in report.variants.items() if name in controls}
    return {
        name: None if one is None else LiftStatus(one.value, (one.low, one.high)) for name, one in estimates.items()
    }


def _relearning(wanted: str, report: Progress | None) -> Relearning:
    return Relearning(wanted, 0, 0) if report is None else Relearning(wanted, report.n_learned, report.n_behind)
