"""What an evaluation was asked and what it found, as stored.

In: a request. Out: one JSON document for each evaluation in the loop's hash, which whoever reads turns into a picture
of any interval.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import redis

from agent import keys
from agent.evaluation.estimators import OffPolicySums

N_KEPT = 200
"""Evaluations kept for a loop."""

INTERVAL_MS = 300_000
"""The finest interval that is kept."""

N_INTERVALS = 2_100
"""At most about so many are kept: a week of the finest, three months of hours, then days."""

_INTERVALS_MS = (INTERVAL_MS, 3_600_000, 86_400_000)

N_SLOT_IDS = 100
"""Slot ids told apart; what is under further ones counts in the first slot alone."""

Status = Literal["pending", "completed", "failed", "applied"]


def interval_for(span_ms: int) -> int:
    """The interval to keep for a span of so many milliseconds."""
    return next((one for one in _INTERVALS_MS if span_ms <= N_INTERVALS * one), _INTERVALS_MS[-1])


class Wanted(msgspec.Struct, frozen=True):
    """A candidate to ask about, beside those that are always asked about."""

    name: str
    arguments: str
    kind: str
    options: dict[str, Any] = {}


class SlotFindings(msgspec.Struct):
    """One policy in one slot.

    Attributes:
        bins: Start of the interval in Unix milliseconds, as text → sums.
    """

    bins: dict[str, OffPolicySums] = {}

    def total(self) -> OffPolicySums:
        """Over all intervals."""
        total = OffPolicySums()
        for one in self.bins.values():
            total = total.merged(one)
        return total

    def by(self, interval_ms: int) -> dict[int, OffPolicySums]:
        """Start of each coarser interval → sums, in order of time."""
        found: dict[int, OffPolicySums] = {}
        for text, sums in self.bins.items():
            start = int(text) // interval_ms * interval_ms
            found[start] = found.get(start, OffPolicySums()).merged(sums)
        return dict(sorted(found.items()))


class PolicyFindings(msgspec.Struct):
    """One policy.

    Attributes:
        source: ``Online``, ``Baseline``, ``Random`` or ``Custom``.
        slots: Slot id → findings; the first slot of every slate is under "".
        n_unsupported: Decisions of which the log can't tell what this policy would have earned.
    """

    name: str
    arguments: str
    source: str
    slots: dict[str, SlotFindings] = {}
    n_unsupported: int = 0


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation; instants in Unix milliseconds.

    Attributes:
        interval_ms: What the bins of its findings span.
        error: Why it failed, or "".
        n_decisions: Decisions looked at.
    """

    id: str
    name: str
    start_ms: int
    end_ms: int
    created_ms: int
    status: Status = "pending"
    wanted: list[Wanted] = []
    results: list[PolicyFindings] = []
    interval_ms: int = INTERVAL_MS
    optimal: str = ""
    error: str = ""
    n_decisions: int = 0


class EvaluationStore:
    """The evaluations of one loop."""

    def __init__(self, client: redis.Redis, loop: str) -> None:
        self._client = client
        self._key = keys.evaluations(loop)

    def add(self, evaluation: Evaluation) -> bool:
        """Store a new one; the oldest beyond ``N_KEPT`` go. False where the id is taken."""
        is_new = bool(self._client.hsetnx(self._key, evaluation.id, msgspec.json.encode(evaluation)))
        n_kept: Any = self._client.hlen(self._key)
        if n_kept > N_KEPT:
            self._client.hdel(self._key, *[one.id for one in self.all()[N_KEPT:]])
        return is_new

    def replace(self, evaluation: Evaluation) -> None:
        """Store what became of it, unless it was deleted meanwhile."""
        if self._client.hexists(self._key, evaluation.id):
            self._client.hset(self._key, evaluation.id, msgspec.json.encode(evaluation).decode())

    def get(self, id: str) -> Evaluation | None:
        """One of them, or None."""
        data: Any = self._client.hget(self._key, id)
        return None if data is None else msgspec.json.decode(data, type=Evaluation)

    def all(self) -> list[Evaluation]:
        """All of them, newest first."""
        found: Any = self._client.hvals(self._key)
        listed = [msgspec.json.decode(data, type=Evaluation) for data in found]
        return sorted(listed, key=lambda one: (one.created_ms, one.id), reverse=True)

    def delete(self, id: str) -> bool:
        """Forget one; False where there is none."""
        return bool(self._client.hdel(self._key, id))
