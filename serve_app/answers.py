"""What a client gets back: typed results, and the errors that a problem document becomes.

In: the service's JSON. Out: frozen results, or one error of the tree below.

SlateloopError
├── UnreachableError      no answer came, even after retries
├── ServiceFailedError    the service answered 5xx, or overload, even after retries
└── RefusedError          the request was wrong; ``field``, ``value`` and ``cure`` say how
    ├── NotAllowedError   401, 403: no key, or a key without the scope
    ├── NotFoundError     404: no such loop, item, key or version
    └── ConflictError     409: the same event id came with another body
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.loops import LoopSettings
from agent.slates import Chosen as Chosen  # part of what a client gets
from agent.slates import Slate as Slate
from policies.backlog import Backlog as Backlog


class SlateloopError(Exception):
    """The base of everything a client raises."""


class UnreachableError(SlateloopError):
    """No answer came; ``url`` was tried until the back-off's budget was spent."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"{url}: {reason}; is the service running there? `slateloop serve` starts one")


class _AnsweredError(SlateloopError):
    """The service answered with a problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.title = str(problem.get("title") or "")
        self.field = _text(problem.get("field"))
        self.value = problem.get("value")
        self.cure = _text(problem.get("cure"))
        self.problem = dict(problem)
        detail = _text(problem.get("detail")) or self.title or "no reason given"
        place = f"{self.field}: " if self.field and self.field not in detail else ""
        cure = f" ({self.cure})" if self.cure and self.cure not in detail else ""
        super().__init__(f"{status}: {place}{detail}{cure}")


class ServiceFailedError(_AnsweredError):
    """The service could not answer: 5xx, or still overloaded after every retry."""


class RefusedError(_AnsweredError):
    """The request was wrong; nothing of it was stored."""


class NotAllowedError(RefusedError):
    """401 or 403: no key, an unknown key, or a key without the scope."""


class NotFoundError(RefusedError):
    """404: no such loop, item, key or version."""


class ConflictError(RefusedError):
    """409: this event id was already used for another request."""


_REFUSALS: Mapping[int, type[RefusedError]] = {
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
}


def error_of(status: int, problem: Mapping[str, Any]) -> SlateloopError:
    """The error that an answer of this status stands for."""
    if status >= 500 or status == 429:
        return ServiceFailedError(status, problem)
    return _REFUSALS.get(status, RefusedError)(status, problem)


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot being served, and how many experiences it has learned."""

    version: str
    n_learned: int = 0
    pinned: bool = False
    published_at: float = 0.0
    age_s: float = 0.0


class Learning(msgspec.Struct, frozen=True, kw_only=True):
    """How the loop's learner is doing; ``state`` is "" where the service is of an earlier release."""

    alive: bool = False
    state: str = ""
    reported_at: float | None = None
    n_behind: int | None = None
    lag_s: float | None = None
    n_open: int | None = None


class Experiences(msgspec.Struct, frozen=True, kw_only=True):
    """What became of every decision and reward the learner has passed."""

    learned: int = 0
    late: int = 0
    duplicate: int = 0
    orphan: int = 0
    refused: int = 0
    inactive: int = 0
    ignored: int = 0
    clock_jump: int = 0


class Orphans(msgspec.Struct, frozen=True, kw_only=True):
    """Rewards that name no event of the loop they went to: in all, lately, one event and the loop that decided it."""

    n: int = 0
    n_lately: int = 0
    event_id: str = ""
    decided_in: str = ""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One variant: its share of the traffic and its reward per slot with a 95 % interval."""

    share: float | None = None
    n_decisions: int = 0
    n_slots: int = 0
    reward_per_slot: float | None = None
    interval_95: tuple[float | None, float | None] | None = None


class Lift(msgspec.Struct, frozen=True, kw_only=True):
    """Learned over one control arm, relative: 0.15 is 15 % more reward per slot."""

    value: float | None = None
    interval_95: tuple[float | None, float | None] | None = None


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """The size of the event log."""

    n_entries: int = 0
    n_bytes: int | None = None


class Apprentice(msgspec.Struct, frozen=True, kw_only=True):
    """How a policy that serves nobody yet agrees with the baseline, and what was earned where it does."""

    n_decisions: int
    n_matched: int
    match_rate: float
    baseline_reward: float
    matched_reward: float | None = None
    reward_share: float | None = None
    is_ready: bool = False


class Relearning(msgspec.Struct, frozen=True, kw_only=True):
    """A new lineage being replayed from the log while the old one goes on serving."""

    lineage: str
    n_learned: int | None = None
    n_behind: int | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a loop has learned, from how much, how late, and why nothing changed if nothing did."""

    loop: str
    settings_version: int
    policy: str = ""
    lineage: str | None = None
    serving: Serving | None = None
    learner: Learning = Learning()
    experiences: Experiences = Experiences()
    variants: dict[str, Arm] = {}
    lift: dict[str, Lift | None] = {}
    log: Log = Log()
    relearning: Relearning | None = None
    why: list[str] = []
    troubles: dict[str, int] = {}
    mode: str = "online"
    n_joined: int = 0
    apprentice: Apprentice | None = None
    backlog: Backlog | None = None
    orphans: Orphans = Orphans()


@dataclass(frozen=True, slots=True)
class LoopVersion:
    """A loop's settings as stored under one version."""

    loop: str
    version: int
    learning_hash: str
    settings: LoopSettings


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A kept snapshot: a version that a loop can be rolled back to."""

    version: str
    lineage: str = ""
    n_learned: int = 0
    published_at: float = 0.0
    n_bytes: int | None = None


class LogDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """What deleting a loop's log came to; ``why`` says why nothing could be deleted."""

    deleted: int
    first: str = ""
    why: str = ""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key's record; ``secret`` is the whole key and present only when it was made just now."""

    id: str
    scopes: list[str] = []
    loop: str | None = None
    name: str = ""
    created_at: float | None = None
    secret: str | None = msgspec.field(default=None, name="key")


def slate_of(data: Mapping[str, Any]) -> Slate:
    """Read one slate."""
    items = tuple(Chosen(item["id"], item["propensity"]) for item in data["slate"])
    return Slate(data["event_id"], items, data["policy"], data["version"], data["variant"])


def version_of(data: Mapping[str, Any]) -> LoopVersion:
    """Read one version of a loop's settings."""
    settings = LoopSettings.model_validate(data["settings"])
    return LoopVersion(data["loop"], data["version"], data["learning_hash"], settings)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
