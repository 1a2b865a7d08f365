from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from agent.evaluation.estimators import OffPolicySums
from agent.evaluation.findings import INTERVAL_MS, Evaluation, PolicyFindings, SlotFindings
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.evaluations import TIMEOUT_MS, WINDOWS, asked_for, described, detailed, window_of
from serve_app.personalizer.operations import Dialect
from serve_app.personalizer.times import ms_of

BODY = {"name": "jan", "startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-02T00:00:00Z"}
START_MS = ms_of("2026-01-01T00:00:00Z")
HOUR_MS = 12 * INTERVAL_MS
START = f"""--cb_explore_adf --slateloop '{json.dumps({"start": f"sha256:{64 * '0'}"})}'"""


def asked(**other: Any) -> Evaluation:
    return asked_for(json.dumps(BODY | other).encode(), "e", now_ms=7)


def policy(name: str) -> dict[str, str]:
    return {"name": name, "arguments": "--cb_explore_adf"}


def found() -> Evaluation:
    """Rewards 0 and 1 in the first hour, twice 1 in the third."""
    bins = {str(START_MS): OffPolicySums(), str(START_MS + 2 * HOUR_MS): OffPolicySums()}
    for key, reward in zip([*bins] * 2, [0.0, 1.0, 1.0, 1.0], strict=True):
        bins[key].add(1.0, reward)
    results = [PolicyFindings("Online", "", "Online", {"": SlotFindings(bins), "side": SlotFindings({})}, 3)]
    return Evaluation(
        id="e", name="jan", start_ms=START_MS, end_ms=START_MS + 24 * HOUR_MS, created_ms=7, status="completed",
        results=results, optimal="Online",
    )  # fmt: skip


def test_a_body_becomes_an_evaluation() -> None:
    one = asked(policies=[policy("a"), policy("b")], enableOfflineExperimentation=True)
    assert (one.id, one.name, one.start_ms, one.end_ms) == ("e", "jan", START_MS, START_MS + 24 * HOUR_MS)
    assert [(each.name, each.kind) for each in one.wanted] == [("a", "vw"), ("b", "vw")]


@pytest.mark.parametrize(
    ("other", "code", "message"),
    [
        ({"name": ""}, "InvalidEvaluationContract", "name"),
        ({"startTime": "soon"}, "InvalidEvaluationContract", "ISO 8601"),
        ({"endTime": BODY["startTime"]}, "InvalidEvaluationContract", "EndTime"),
        ({"policies": [policy(str(i)) for i in range(11)]}, "InvalidEvaluationContract", "maximum of 10"),
        ({"policies": [policy("a"), policy("a")]}, "DuplicateCustomPolicyNames", "unique"),
        ({"policies": [policy("Online")]}, "DuplicateCustomPolicyNames", "unique"),
        ({"policies": [{"name": "a", "arguments": START}]}, "InvalidPolicyConfiguration", "trained agent"),
        ({"policies": [{"name": "a", "arguments": "-l 1"}]}, "InvalidPolicyConfiguration", "--cb_explore_adf"),
    ],
)
def test_what_can_not_be_evaluated_is_refused(other: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(AzureError, match=message) as caught:
        asked(**other)
    assert (caught.value.status, caught.value.code) == (400, code)


def test_findings_by_the_hour_are_not_told_in_finer_steps() -> None:
    kept = msgspec.structs.replace(found(), interval_ms=HOUR_MS)
    query = {"startTime": BODY["startTime"], "endTime": BODY["endTime"], "intervalInMinutes": "5"}
    content = detailed(kept, window_of(query), now_ms=8)["content"]
    assert content["intervalInMinutes"] == 60
    assert [one["timeStamp"] for one in content["value"][0]["timeseries"]["data"]] == [
        "2026-01-01T01:00:00Z", "2026-01-01T03:00:00Z"
    ]  # fmt: skip
    (result,) = described(kept, Dialect.V1_0, now_ms=8)["policyResults"]
    assert {one["aggregateTimeWindow"] for one in result["summary"]} == {"01:00:00"}


def test_a_failure_says_why_in_every_dialect() -> None:
    failed = msgspec.structs.replace(found(), status="failed", error="TooMany: more")
    assert all(
        described(failed, one, now_ms=8)["description"] == "TooMany: more" for one in (Dialect.V1_0, Dialect.V1_1)
    )
    assert "description" not in described(found(), Dialect.V1_1, now_ms=8)


def test_the_older_shapes() -> None:
    told = described(found(), Dialect.V1_1, now_ms=8)
    (result,) = told["policyResults"]
    assert (told["status"], told["optimalPolicy"], result["policySource"]) == ("completed", "Online", "Online")
    assert [one["timeStamp"] for one in result["summary"]] == ["2026-01-01T00:05:00Z", "2026-01-01T02:05:00Z"]
    total = result["totalSummary"]
    assert (total["ipsEstimatorNumerator"], total["ipsEstimatorDenominator"], total["averageReward"]) == (
        3.0,
        4.0,
        0.75,
    )
    assert total["confidenceInterval"] == pytest.approx(1.959963984540054 * 0.25)
    first = described(found(), Dialect.V1_0, now_ms=8)
    assert {"optimalPolicy", "evaluationType", "creationTime"}.isdisjoint(first)
    assert {"policySource", "averageReward"}.isdisjoint(
        {*first["policyResults"][0], *first["policyResults"][0]["totalSummary"]}
    )


def test_the_newest_shape_in_rolling_and_expanding_windows() -> None:
    query = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-02T00:00:00Z"}
    rolling = detailed(found(), window_of({**query, "intervalInMinutes": "60"}), now_ms=8)
    (online,) = rolling["content"]["value"]  # of the slot "side" too little is known
    assert (rolling["status"], online["slotId"], online["unsupportedDecisions"]) == ("Succeeded", "", 3)
    assert online["summary"]["expectedReward"] == 0.75
    assert [(one["timeStamp"], one["expectedReward"]) for one in online["timeseries"]["data"]] == [
        ("2026-01-01T01:00:00Z", 0.5), ("2026-01-01T03:00:00Z", 1.0)
    ]  # fmt: skip
    expanding = detailed(found(), window_of({**query, "window": "Expanding"}), now_ms=8)["content"]["value"][0]
    assert [one["expectedReward"] for one in expanding["timeseries"]["data"]] == [0.5, 0.75]
    within = window_of({**query, "startTime": "2026-01-01T00:04:59Z"})
    assert detailed(found(), within, now_ms=8)["content"]["value"][0]["summary"]["expectedReward"] == 0.75
    later = window_of({**query, "startTime": "2026-01-01T01:00:00Z"})
    assert detailed(found(), later, now_ms=8)["content"]["value"][0]["summary"]["expectedReward"] == 1.0


@pytest.mark.parametrize(
    ("minutes", "window"), [("7", ""), ("5", "Rolling"), ("60", "Expanding"), ("", "Sliding"), ("x", "")]
)
def test_windows_that_do_not_go_together_are_refused(minutes: str, window: str) -> None:
    query = {"startTime": BODY["startTime"], "endTime": BODY["endTime"]}
    with pytest.raises(AzureError) as caught:
        window_of(query | ({"intervalInMinutes": minutes} if minutes else {}) | ({"window": window} if window else {}))
    assert caught.value.message == WINDOWS
    with pytest.raises(AzureError, match="startTime is required"):
        window_of({})


def test_what_never_ended_timed_out() -> None:
    one = asked()
    assert described(one, Dialect.V1_0, now_ms=8)["status"] == "pending"
    assert described(one, Dialect.V1_0, now_ms=9 + TIMEOUT_MS)["status"] == "timeout"
