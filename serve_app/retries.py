"""When and how long a client tries again, and what an answer means; no clock is waited on and no byte is sent here.

In: a call, and the outcome of each attempt. Out: the pause before the next attempt, then the result or the error.
Both clients run the same generator, ``talk``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import msgspec

from serve_app.answers import ServiceFailedError, UnreachableError, error_of
from serve_app.calls import Call

T = TypeVar("T")

Outcome = httpx.Response | httpx.TransportError


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to go on trying.

    Attributes:
        first_s: The first pause, before jitter (half to whole).
        factor: Each pause is this many times the one before.
        longest_s: No pause is longer, unless the service asks for more (``Retry-After``).
        budget_s: No attempt starts later than this after the first; 0 tries once.
    """

    first_s: float = 0.05
    factor: float = 2.0
    longest_s: float = 2.0
    budget_s: float = 10.0

    def pause_s(self, attempt: int, *, asked_s: float, chance: float) -> float:
        """The pause after this attempt (0-based), with ``chance`` in [0, 1) as its jitter."""
        own = min(self.longest_s, self.first_s * self.factor ** min(attempt, 64))
        return max(asked_s, own * (0.5 + 0.5 * chance))


def talk(call: Call[T], url: str, backoff: Backoff) -> Generator[float, Outcome, T]:
    """The course of one call: yields the pause before each attempt, is sent its outcome, returns the answer.

    Raises:
        SlateloopError: when the answer is a refusal, or the budget is spent.
    """
    ends_at = time.monotonic() + backoff.budget_s
    outcome = yield 0.0
    attempt = 0
    while _may_repeat(call, outcome):
        pause_s = backoff.pause_s(attempt, asked_s=_asked_s(outcome), chance=random.random())
        if time.monotonic() + pause_s > ends_at:
            break
        outcome = yield pause_s
        attempt += 1
    return _answer(call, url, outcome)


def _may_repeat(call: Call[T], outcome: Outcome) -> bool:
    if isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout):
        return True
    if isinstance(outcome, httpx.UnsupportedProtocol):
        return False
    if isinstance(outcome, httpx.TransportError):
        return call.idempotent
    if _is_starting(outcome):
        return True
    if outcome.status_code == 500:  # a load balancer's own; the service's has a problem document
        return call.idempotent and not _is_problem(outcome)
    return outcome.status_code in {429, 503} or (call.idempotent and outcome.status_code in {502, 504})


def _asked_s(outcome: Outcome) -> float:
    """Seconds the service asks to wait; an HTTP date counts as unsaid."""
    text = outcome.headers.get("Retry-After", "") if isinstance(outcome, httpx.Response) else ""
    return float(text) if text.isdecimal() else 0.0


def _answer(call: Call[T], url: str, outcome: Outcome) -> T:
    if isinstance(outcome, httpx.TransportError):
        raise UnreachableError(url, f"{type(outcome).__name__}: {outcome}") from outcome
    if _is_starting(outcome):
        reason = f"something listens at {url}, but no service answers there yet; it is most likely still starting"
        cure = (
            "try again in a few seconds, GET /readyz then says more; if it lasts, look at what `slateloop serve` prints"
        )
        raise ServiceFailedError(outcome.status_code, {"detail": reason, "cure": cure})
    if outcome.is_error:
        raise error_of(outcome.status_code, _problem(outcome))
    try:
        return call.read(outcome.json() if outcome.content else None)
    except (ValueError, KeyError, TypeError, msgspec.ValidationError) as error:
        reason = f"the answer to {call.method} {call.path} is not what this client knows: {error!r}"
        problem = {"detail": reason, "cure": "use the same version of both"}
        raise ServiceFailedError(outcome.status_code, problem) from error


def _is_starting(response: httpx.Response) -> bool:
    """Ray Serve's own answer before the service is there; the service's 404 has a problem document."""
    return response.status_code == 404 and not _is_problem(response) and "/-/routes" in response.text


def _is_problem(response: httpx.Response) -> bool:
    kind: str = response.headers.get("content-type", "")
    return kind.startswith("application/problem+json")


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    if _is_problem(response):
        data = msgspec.json.decode(response.content)
        if isinstance(data, dict):
            return data
    return {"title": response.reason_phrase, "detail": response.text[:200].strip() or response.reason_phrase}
