"""What a loop has learned, from how much, how late; and why nothing changed if nothing did.

In: what the learner reported, the serving pointer, the settings, the log. Out: a ``StatusAnswer``. Blocking.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from redis import Redis

from agent import progress
from agent.arms import BASELINE, LEARNED
from agent.datastore import MemoryUse, memory
from agent.event_log import LogReader
from agent.join import Counters
from agent.loop_store import LoopStore, StoredSettings
from agent.progress import Progress
from agent.snapshots import Serving, SnapshotStore
from agent.variant_stats import VariantSums
from policies.backlog import Backlog
from serve_app.apprentice_status import ApprenticeStatus, apprentice_of
from serve_app.backlog_sentences import is_waiting, told_of
from serve_app.troubles import explained

ALIVE_S = 10.0
"""A learner that has not reported for so long counts as stopped."""

MEMORY_ALARM = 0.8
"""Share of the datastore's memory from which on it is warned about."""

FEW = 10


class ServingStatus(msgspec.Struct, frozen=True):
    """The snapshot being served; ``published_at`` in Unix seconds."""

    version: str
    pinned: bool
    published_at: float
    age_s: float
    n_learned: int


class LearnerStatus(msgspec.Struct, frozen=True):
    """The learner's last report.

    Attributes:
        reported_at: Unix seconds; null before the first report.
        n_behind: Decisions ready to be learned that aren't yet, and log entries not read yet.
        lag_s: How long the next decision has been ready.
        n_open: Decisions whose reward window is open.
    """

    alive: bool
    reported_at: float | None
    n_behind: int
    lag_s: float
    n_open: int


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


def read_status(redis: Redis, name: str, *, trouble: str = "") -> StatusAnswer | None:
    """A loop's status, or None where there is no such loop.

    Args:
        redis: A sync client.
        name: The loop.
        trouble: Why this replica isn't serving what it should, if so.
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
    now_ms = log.server_ms()
    learner = _learner(report, now_ms)
    return StatusAnswer(
        loop=name,
        settings_version=stored.version,
        policy=stored.settings.policy.kind,
        lineage=lineage,
        serving=_serving(serving, now_ms),
        learner=learner,
        experiences=counts(report),
        variants=_variants(stored, report),
        lift=_lifts(report),
        log=LogStatus(log.n_entries(), log.n_bytes()),
        relearning=None if lineage == wanted else _relearning(wanted, newer),
        why=[
            *_why(stored, report, serving, learner, trouble),
            *([] if lineage == wanted else [_taking_over(newer, serving)]),
            *_memory(memory(redis)),
        ],
        troubles={} if report is None else report.troubles,
        mode=stored.settings.mode,
        n_joined=0 if report is None else sum(one.n_decisions for one in report.variants.values()),
        apprentice=apprentice_of(report),
        backlog=None if report is None else report.backlog,
    )


def _memory(use: MemoryUse) -> list[str]:
    if use.share is None or use.share < MEMORY_ALARM or use.limit_bytes is None:
        return []
    full = f"The datastore uses {use.used_bytes / 2**20:.0f} of {use.limit_bytes / 2**20:.0f} MiB"
    return [f"{full}; when it is full, slates and rewards are refused: give it more memory."]


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


def _learner(report: Progress | None, now_ms: int) -> LearnerStatus:
    if report is None:
        return LearnerStatus(alive=False, reported_at=None, n_behind=0, lag_s=0.0, n_open=0)
    is_alive = now_ms - report.reported_at < ALIVE_S * 1000
    return LearnerStatus(is_alive, report.reported_at / 1000, report.n_behind, report.lag_s, report.n_open)


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


def _taking_over(report: Progress | None, serving: Serving | None) -> str:
    """What becomes of the lineage that is to be served next."""
    if report is not None and report.why:
        return f"What is learned has changed, and the new lineage has not taken over yet: {' '.join(report.why)}"
    until = " once the pinned version is released" if serving is not None and serving.pinned else ""
    return f"What is learned has changed; the new lineage is being learned from the log and then takes over{until}."


def _relearning(wanted: str, report: Progress | None) -> Relearning:
    return Relearning(wanted, 0, 0) if report is None else Relearning(wanted, report.n_learned, report.n_behind)


def _why(
    stored: StoredSettings, report: Progress | None, serving: Serving | None, learner: LearnerStatus, trouble: str
) -> list[str]:
    said = [trouble[:1].upper() + trouble[1:] + "."] if trouble else []
    said += report.why if report else ()
    if report is None:
        said.append("The loop's learner has not reported yet; it starts within seconds of the service.")
    elif not learner.alive:
        said.append("The learner has not reported lately; it is restarted by itself, see the service's log.")
    if stored.settings.mode != "online":
        said.append(f"Everyone is served the baseline (mode {stored.settings.mode}) until mode is set to online.")
    if stored.settings.mode == "apprentice" and (report is None or not report.apprentice.n_decisions):
        said.append("The apprentice draws choices of its own from its first snapshot on; none is learned of yet.")
    if serving is not None and serving.pinned:
        said.append(f"Version {serving.version} is pinned by a rollback; newer ones wait until it is released.")
    return said + _waiting(stored, report, serving, learner)


def _waiting(
    stored: StoredSettings, report: Progress | None, serving: Serving | None, learner: LearnerStatus
) -> list[str]:
    """What a healthy loop waits for."""
    if report is None or not learner.alive:
        return []
    window_s = stored.settings.reward.window_s
    seen = counts(report)
    if not report.n_learned and not learner.n_open and not learner.n_behind:
        return ["No decision has been logged yet; POST /v1/slates makes one."]
    if not report.n_learned and learner.n_open:
        waiting = f"{learner.n_open} decisions wait for their rewards"
        return [f"{waiting}; each is learned when its window of {window_s:g} s closes."]
    said = [*told_of(report.backlog), *explained(report.troubles, report.n_learned)]
    if serving is not None and not learner.n_open and not learner.n_behind and not is_waiting(report.backlog):
        said.append("Everything logged so far is learned; new decisions and rewards bring the next snapshot.")
    if seen.late > FEW and seen.late > 0.1 * seen.learned:
        said.append(f"{seen.late} rewards came after the window of {window_s:g} s had closed; consider a longer one.")
    if seen.orphan > FEW and seen.orphan > 0.1 * seen.learned:
        said.append(f"{seen.orphan} rewards name events that were never decided here; check their event ids.")
    if seen.ignored > FEW and seen.ignored > 0.1 * seen.learned:
        unnamed = f"{seen.ignored} rewards are of types that reward.recipe doesn't name"
        said.append(f"{unnamed}; they are logged and not learned: name those that should count.")
    return said
