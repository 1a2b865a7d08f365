"""Evaluations in the three shapes the dialects give them.

In: a request body, or what an evaluation found. Out: an ``Evaluation`` to carry out, or JSON. The numbers are the
self-normalised estimate and its 95 % interval; the sums they are made of stand beside them where the shape has room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.evaluation.estimators import OffPolicySums
from agent.evaluation.findings import Evaluation, PolicyFindings, SlotFindings, Wanted
from agent.variant_stats import Estimate
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.operations import Dialect
from serve_app.personalizer.policy_arguments import policy_of
from serve_app.personalizer.times import clock_span, instant_of, ms_of
from serve_app.reading import Reader

N_POLICIES = 10
RESERVED = frozenset({"Online", "Baseline", "Random", "learned", "as logged"})
TIMEOUT_MS = 3_600_000
"""An evaluation that has not ended for so long won't."""

WINDOWS = (
    "Incompatible intervalInMinutes and window parameters. Valid rolling window intervals: 60 minutes, 360 minutes,"
    " 720 minutes, 1440 minutes. Valid expanding window interval: 5 minutes."
)

_STATUS = {"pending": "pending", "completed": "completed", "failed": "failed", "applied": "optimalPolicyApplied"}
_STATUS_2022 = {"pending": "Running", "completed": "Succeeded", "failed": "Failed", "applied": "OptimalPolicyApplied"}


class PolicyAsked(msgspec.Struct, frozen=True):
    """A policy to evaluate beside those that always are."""

    name: str
    arguments: str


class EvaluationAsked(msgspec.Struct, frozen=True, rename="camel"):
    """The body of create."""

    name: str
    start_time: str
    end_time: str
    policies: list[PolicyAsked] | None = None


class Window(msgspec.Struct, frozen=True):
    """Which part of what was found is told, and in which steps."""

    start_ms: int
    end_ms: int
    minutes: int
    is_expanding: bool


_read: Reader[EvaluationAsked] = Reader(EvaluationAsked)


def asked_for(body: bytes, id: str, *, now_ms: int) -> Evaluation:
    """The evaluation that a body asks for.

    Raises:
        AzureError: it can't be carried out.
        RequestError: the body is none.
    """
    asked = _read.read(body)
    if not asked.name or len(asked.name) > 256:
        raise _invalid("A name has 1 to 256 characters.", "name")
    start_ms, end_ms = _ms(asked.start_time, "startTime"), _ms(asked.end_time, "endTime")
    if end_ms <= start_ms:
        raise _invalid("EndTime must be later than StartTime.", "endTime")
    policies = asked.policies or []
    if len(policies) > N_POLICIES:
        raise _invalid(f"A maximum of {N_POLICIES} custom policies are allowed", "policies")
    names = [one.name for one in policies]
    if len({*names, *RESERVED}) < len(names) + len(RESERVED):
        raise AzureError(400, "DuplicateCustomPolicyNames", "Custom policy names should be unique.", target="policies")
    wanted = [Wanted(one.name, one.arguments, *_kind_and_options(one.arguments)) for one in policies]
    return Evaluation(id=id, name=asked.name, start_ms=start_ms, end_ms=end_ms, created_ms=now_ms, wanted=wanted)


def described(one: Evaluation, dialect: Dialect, *, now_ms: int) -> dict[str, Any]:
    """The evaluation as the two older dialects tell it."""
    found: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "jobId": one.id,
        "startTime": instant_of(one.start_ms),
        "endTime": instant_of(one.end_ms),
        "status": _status(one, now_ms, _STATUS, "timeout"),
        "policyResults": [_policy_result(policy, one, dialect) for policy in one.results],
        "featureImportance": [],
    }
    if dialect is not Dialect.V1_0:
        found |= {"evaluationType": "Manual", "creationTime": instant_of(one.created_ms)}
        found |= {"optimalPolicy": one.optimal} if one.optimal else {}
    if one.error:
        found["description"] = one.error
    return found


def summarised(one: Evaluation, *, now_ms: int) -> dict[str, Any]:
    """The evaluation as the newest dialect lists it."""
    return {
        "id": one.id,
        "name": one.name,
        "startTime": instant_of(one.start_ms),
        "endTime": instant_of(one.end_ms),
        "creationTime": instant_of(one.created_ms),
        "status": _status(one, now_ms, _STATUS_2022, "Timeout"),
        "evaluationType": "Manual",
        "optimalPolicy": one.optimal,
        "description": one.error,
    }


def detailed(one: Evaluation, window: Window, *, now_ms: int) -> dict[str, Any]:
    """The evaluation as the newest dialect tells it."""
    window = msgspec.structs.replace(window, minutes=max(window.minutes, one.interval_ms // 60_000))
    results = [(policy, id, findings) for policy in one.results for id, findings in policy.slots.items()]
    content = {
        "startTime": instant_of(window.start_ms),
        "endTime": instant_of(window.end_ms),
        "intervalInMinutes": window.minutes,
        "value": [told for one_of in results if (told := _result_2022(*one_of, window, one.interval_ms)) is not None],
    }
    return {**summarised(one, now_ms=now_ms), "content": content}


def window_of(query: Mapping[str, str]) -> Window:
    """The window that the query asks for.

    Raises:
        AzureError: a parameter is missing or wrong.
    """
    missing = [name for name in ("startTime", "endTime") if name not in query]
    if missing:
        raise AzureError(400, "InvalidRequest", f"Invalid request. {missing[0]} is required.", target=missing[0])
    minutes, name = query.get("intervalInMinutes", ""), query.get("window", "")
    if not minutes:
        minutes = "5" if name == "Expanding" else "60"
    if not name:
        name = "Expanding" if minutes == "5" else "Rolling"
    allowed = {"Expanding": {"5"}, "Rolling": {"60", "360", "720", "1440"}}
    if minutes not in allowed.get(name, set()):
        raise AzureError(400, "InvalidRequest", WINDOWS, target="intervalInMinutes")
    start_ms, end_ms = _ms(query["startTime"], "startTime"), _ms(query["endTime"], "endTime")
    return Window(start_ms, end_ms, int(minutes), name == "Expanding")


def _policy_result(policy: PolicyFindings, one: Evaluation, dialect: Dialect) -> dict[str, Any]:
    """In these dialects the first slot of each slate is told."""
    first = policy.slots.get("", SlotFindings())
    extra = dialect is not Dialect.V1_0
    step_ms = one.interval_ms
    found: dict[str, Any] = {
        "name": policy.name,
        "arguments": policy.arguments,
        "summary": [
            _sums(sums, start + step_ms, step_ms=step_ms, with_average=extra)
            for start, sums in first.by(step_ms).items()
        ],
        "totalSummary": _sums(first.total(), one.end_ms, step_ms=step_ms, with_average=extra),
        "unsupportedDecisions": policy.n_unsupported,
    }
    return found | ({"policySource": policy.source} if extra else {})


def _sums(sums: OffPolicySums, end_ms: int, *, step_ms: int, with_average: bool) -> dict[str, Any]:
    estimate = sums.snips()
    found = {
        "timeStamp": instant_of(end_ms),
        "ipsEstimatorNumerator": sums.reward,
        "ipsEstimatorDenominator": float(sums.n),
        "snipsEstimatorDenominator": sums.weight,
        "aggregateTimeWindow": clock_span(step_ms),
        "nonZeroProbability": float(sums.n_nonzero),
        "sumOfSquares": sums.reward_sq,
        "confidenceInterval": 0.0 if estimate is None else (estimate.high - estimate.low) / 2,
    }
    return found | ({"averageReward": sums.reward / sums.weight if sums.weight else 0.0} if with_average else {})


def _result_2022(
    policy: PolicyFindings, slot_id: str, findings: SlotFindings, window: Window, kept_ms: int
) -> dict[str, Any] | None:
    """None where too little is known for an interval."""
    step_ms = window.minutes * 60_000
    told = {
        start: sums
        for start, sums in findings.by(kept_ms).items()
        if window.start_ms < start + kept_ms and start <= window.end_ms
    }
    total, data = OffPolicySums(), []
    inside = SlotFindings({str(start): sums for start, sums in told.items()})
    for start, sums in inside.by(step_ms).items():
        total = total.merged(sums)
        estimate = (total if window.is_expanding else sums).snips()
        if estimate is not None:
            data.append({"timeStamp": instant_of(start + step_ms), **_estimate(estimate)})
    summary = total.snips()
    if summary is None:
        return None
    return {
        "name": policy.name,
        "slotId": slot_id,
        "arguments": policy.arguments,
        "policySource": policy.source,
        "summary": _estimate(summary),
        "timeseries": {"data": data},
        "unsupportedDecisions": policy.n_unsupported,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"expectedReward": estimate.value, "confidenceInterval": [estimate.low, estimate.high]}


def _status(one: Evaluation, now_ms: int, names: Mapping[str, str], timeout: str) -> str:
    return timeout if one.status == "pending" and now_ms - one.created_ms > TIMEOUT_MS else names[one.status]


def _kind_and_options(arguments: str) -> tuple[str, dict[str, Any]]:
    policy = policy_of(arguments)
    if policy.start:
        message = "A policy that begins with a trained agent can't be learned anew from the log; leave start out."
        raise AzureError(400, "InvalidPolicyConfiguration", message, target="policies")
    return policy.kind, dict(policy.options)


def _ms(text: str, field: str) -> int:
    try:
        return ms_of(text)
    except ValueError as error:
        raise _invalid(f"{error}.", field) from None


def _invalid(message: str, target: str) -> AzureError:
    return AzureError(400, "InvalidEvaluationContract", f"Invalid evaluation contract. {message}", target=target)
