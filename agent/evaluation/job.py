"""One evaluation from beginning to end, in a process of its own: ``python -m agent.evaluation.job`` reads what to do.

In: on standard input, where the datastore is and which evaluation. Out: its findings, stored. Nothing of it runs where
requests are answered.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import redis

from agent.apprentice import in_imitation
from agent.arms import LEARNED
from agent.connection import connect
from agent.evaluation.estimators import OffPolicySums
from agent.evaluation.findings import (
    N_SLOT_IDS,
    Evaluation,
    EvaluationStore,
    PolicyFindings,
    SlotFindings,
    interval_for,
)
from agent.evaluation.span import experiences
from agent.evaluation.targets import AsLogged, Baseline, Candidate, Chance, OfVariant, Target, bare
from agent.event_log import LogReader
from agent.lessons import FeatureRows, LessonError, lesson, of_session
from agent.loop_store import LoopStore
from agent.loops import LoopSettings
from agent.recipe import RewardRecipe
from agent.records import Decision, Ending, Experience, StreamId
from policies.base import Lesson

N_MOST = 500_000
"""Decisions looked at; a span with more is refused."""

NICENESS = 19

_log = logging.getLogger(__name__)


class Job(msgspec.Struct, frozen=True):
    """What to do."""

    redis_url: str
    loop: str
    id: str


class Case(NamedTuple):
    """A decision, as every target is asked about it.

    Attributes:
        rewards: As learned, one a slot.
        bin: Start of its interval, as text.
        plain: Without features.
        full: With features; None where no target needs them, or they can't be read.
        taught: What a learner of these settings is told; None where it is told nothing.
    """

    decision: Decision
    rewards: list[float]
    bin: str
    plain: Lesson
    full: Lesson | None
    taught: Lesson | None


class TooMany(ValueError):  # noqa: N818 - says what is wrong
    """The span holds more decisions than are looked at."""


def run(client: redis.Redis, loop: str, id: str) -> None:
    """Carry an evaluation out and store what it found; a failure is stored too."""
    store, stored = EvaluationStore(client, loop), LoopStore(client).current(loop)
    asked = store.get(id)
    if asked is None or stored is None:
        return
    try:
        done = evaluated(asked, stored.settings, LogReader(client, loop))
    except Exception as error:
        store.replace(msgspec.structs.replace(asked, status="failed", error=f"{type(error).__name__}: {error}"))
        raise
    store.replace(done)


def evaluated(asked: Evaluation, settings: LoopSettings, log: LogReader) -> Evaluation:
    """The evaluation with its findings.

    Raises:
        TooMany: the span holds too many decisions.
        PolicyError: a candidate can't be made.
    """
    targets = _targets(asked, settings)
    findings = {name: PolicyFindings(name, *_about(name, asked)) for name in targets}
    rows = FeatureRows(log.rows)
    needs_features = any(target.needs_features for target in targets.values())
    n_decisions = 0
    recipe = RewardRecipe(settings.reward)
    interval_ms = _interval(asked, log)
    for experience in experiences(log, recipe, start_ms=asked.start_ms, end_ms=asked.end_ms):
        if isinstance(experience, Ending):
            for target in targets.values():
                target.end(of_session(experience.session), experience.id.ms)
            continue
        n_decisions += 1
        if n_decisions > N_MOST:
            raise TooMany(f"more than {N_MOST} decisions lie in this span; evaluate a shorter one")
        full = _full(experience, rows, settings) if needs_features else None
        case = Case(
            decision=experience.decision,
            rewards=[max(settings.reward.min, min(settings.reward.max, one)) for one in experience.rewards],
            bin=str(experience.id.ms // interval_ms * interval_ms),
            plain=bare(experience.decision),
            full=full,
            taught=_taught(experience, full, settings),
        )
        for name, target in targets.items():
            _ask(findings[name], target, case)
    if not findings[LEARNED].slots:
        findings[LEARNED] = findings[_AS_LOGGED]
    results = [findings[name] for name in targets if name != _AS_LOGGED]
    results[0].name, results[0].source = "Online", "Online"
    return msgspec.structs.replace(
        asked, status="completed", results=results, n_decisions=n_decisions, optimal=_optimal(results),
        interval_ms=interval_ms,
    )  # fmt: skip


_AS_LOGGED = "as logged"


def _targets(asked: Evaluation, settings: LoopSettings) -> Mapping[str, Target]:
    """Online first; what is logged of all variants stands in where ``learned`` served nobody."""
    reward_range = settings.reward.min, settings.reward.max
    fixed: dict[str, Target] = {
        LEARNED: OfVariant(LEARNED),
        _AS_LOGGED: AsLogged(),
        "Baseline": Baseline(),
        "Random": Chance(),
    }
    candidates: dict[str, Target] = {
        one.name: Candidate(one.kind, one.options, reward_range=reward_range, floor=settings.floor)
        for one in asked.wanted
    }
    return fixed | candidates


def _about(name: str, asked: Evaluation) -> tuple[str, str]:
    """Arguments and source."""
    custom = {one.name: one.arguments for one in asked.wanted}
    return (custom[name], "Custom") if name in custom else ("", name)


def _full(experience: Experience, rows: FeatureRows, settings: LoopSettings) -> Lesson | None:
    try:
        rows.load(experience.decision)
        return lesson(experience, rows, settings.reward)
    except LessonError:
        return None


def _taught(experience: Experience, full: Lesson | None, settings: LoopSettings) -> Lesson | None:
    """As ``agent/learner.py`` has it: of its own choice where it was an apprentice; of nothing too long ago."""
    if full is None or experience.id.ms < settings.learn_since_ms:
        return None
    own = experience.decision.imitation
    return full if own is None else in_imitation(full, own, settings.reward)


def _interval(asked: Evaluation, log: LogReader) -> int:
    """By how much of the span has entries; clients write "all of it" as from 1970 to 9999."""
    first = log.read(StreamId(max(0, asked.start_ms - 1), 0), 1)
    return interval_for(min(asked.end_ms, log.last_id().ms) - first[0].id.ms if first else 0)


def _ask(findings: PolicyFindings, target: Target, case: Case) -> None:
    told = case.full if target.needs_features else case.plain
    weights = None if told is None else target.weights(case.decision, told)
    if weights is None:
        findings.n_unsupported += 1
    else:
        _count(findings, case, weights)
    if case.taught is not None:
        target.learn(case.taught)


def _count(findings: PolicyFindings, case: Case, weights: Sequence[float]) -> None:
    of_slots = zip(case.decision.slots, weights, case.rewards, strict=True)
    for number, (slot, weight, reward) in enumerate(of_slots):
        ids = ["", slot.id] if number == 0 and len(case.rewards) > 1 else [slot.id if number else ""]
        for id in ids:
            if id in findings.slots or not id or len(findings.slots) <= N_SLOT_IDS:
                bins = findings.slots.setdefault(id, SlotFindings()).bins
                bins.setdefault(case.bin, OffPolicySums()).add(weight, reward)


def _optimal(results: list[PolicyFindings]) -> str:
    """The best candidate by the self-normalised estimate whose lower bound lies above what online earned; else online.

    Baseline and chance are no candidates: they can't be put in force by an evaluation's name.
    """
    estimates = {
        one.name: estimate
        for one in results
        if one.source in ("Online", "Custom")
        and "" in one.slots
        and (estimate := one.slots[""].total().snips()) is not None
    }
    online = estimates.get("Online")
    if online is None:
        return ""
    better = {name: one.value for name, one in estimates.items() if one.low > online.value}
    return max(better, key=lambda name: better[name], default="Online")


def main() -> None:
    """Do what standard input asks for."""
    os.nice(NICENESS)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    with connect(job.redis_url) as client:
        run(client, job.loop, job.id)


if __name__ == "__main__":
    main()
