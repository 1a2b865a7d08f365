"""azure-ai-personalizer 1.0.0b1, sync: every operation it has, against the running service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("azure.ai.personalizer", reason="the package is in the extra dev")

from azure.ai.personalizer import PersonalizerAdministrationClient, PersonalizerClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from tests.conformance.conftest import Live
from tests.end_to_end.until import until

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow, pytest.mark.timeout(200)]

ACTIONS = [{"id": id, "features": [{"hot": id == "tea", "price": 3.5}]} for id in ("tea", "soup", "cake")]
SLOTS = [
    {"id": "hero", "features": [{"size": "large"}], "excludedActions": ["soup"], "baselineAction": "tea"},
    {"id": "side", "baselineAction": "soup"},
]
OLD_DEFAULT = {
    "name": "old default",
    "arguments": "--cb_explore_adf --epsilon 0.2 --power_t 0 -l 0.001 --cb_type mtr -q ::",
}


@dataclass(frozen=True)
class Clients:
    """The two clients of the package."""

    events: PersonalizerClient
    admin: PersonalizerAdministrationClient
    key: str


def opened(live: Live, key: str) -> Clients:
    credential = AzureKeyCredential(key)
    return Clients(
        PersonalizerClient(live.url, credential), PersonalizerAdministrationClient(live.url, credential), key
    )


@pytest.fixture(scope="module")
def client(live: Live, fresh_key: Callable[..., str]) -> Clients:
    return opened(live, fresh_key())


def status_of(client: Any, call: str, *args: Any, **kwargs: Any) -> int:
    found: list[int] = []
    getattr(client, call)(
        *args, raw_response_hook=lambda answer: found.append(answer.http_response.status_code), **kwargs
    )
    return found[-1]


def code_of(error: HttpResponseError) -> tuple[int | None, str]:
    assert error.response is not None
    return error.status_code, error.response.headers["x-ms-error-code"]  # the body of a stream isn't read


def test_rank_single_slot(client: Clients) -> None:
    asked = {
        "contextFeatures": [{"u": {"tier": "gold"}}],
        "actions": ACTIONS,
        "excludedActions": ["tea"],
        "eventId": "b 1/x",
    }
    answer = client.events.rank(asked)
    assert answer["eventId"] == "b 1/x"
    assert (answer["ranking"][0]["id"], answer["ranking"][0]["probability"]) == ("tea", 0.0)
    assert answer["rewardActionId"] == answer["ranking"][1]["id"]
    assert sum(one["probability"] for one in answer["ranking"]) == pytest.approx(1.0)
    assert client.events.rank(asked) == answer
    assert status_of(client.events, "reward", "b 1/x", {"value": 0.75}) == 204


def test_rank_without_an_id_gets_one(client: Clients) -> None:
    first, second = (client.events.rank({"actions": ACTIONS}) for _ in range(2))
    assert first["eventId"] != second["eventId"]
    assert status_of(client.events, "activate", first["eventId"]) == 204


def test_rank_multi_slot(client: Clients) -> None:
    answer = client.events.rank_multi_slot({"actions": ACTIONS, "slots": SLOTS, "eventId": "multi 1"})
    assert [slot["id"] for slot in answer["slots"]] == ["hero", "side"]
    chosen = [slot["rewardActionId"] for slot in answer["slots"]]
    assert chosen[0] in {"tea", "cake"}
    assert len(set(chosen)) == 2
    rewards = {"reward": [{"slotId": "hero", "value": 1.0}, {"slotId": "side", "value": 0.2}]}
    assert status_of(client.events, "reward_multi_slot", "multi 1", rewards) == 204
    assert status_of(client.events, "activate_multi_slot", "multi 1") == 204


def test_refusals_have_their_codes(live: Live, client: Clients) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.events.rank({"actions": []})
    assert code_of(caught.value) == (400, "InvalidRankRequest")
    with pytest.raises(HttpResponseError) as caught:
        client.events.rank_multi_slot({"actions": ACTIONS, "slots": []})
    assert code_of(caught.value) == (400, "InvalidRankRequest")
    with pytest.raises(ClientAuthenticationError):
        opened(live, "nobody's key").admin.get_policy()


def test_a_retry_counts_once(live: Live) -> None:
    """Sums of rewards: the same request id twice is one reward, another request another."""
    reward = {"window_s": 0.5, "aggregation": "sum", "max": 9.0}
    client = opened(live, live.key_of("retries", reward=reward, variants={"learned": 1.0}))
    client.events.rank({"actions": ACTIONS, "eventId": "e"})
    for request_id in ("first", "first", "second"):
        client.events.reward("e", {"value": 1.0}, headers={"x-ms-client-request-id": request_id})
    until(lambda: live.status("retries")["experiences"]["learned"] == 1, within_s=30)
    found = live.status("retries")
    assert found["experiences"]["duplicate"] == 1
    assert found["variants"]["learned"]["reward_per_slot"] == 2.0


def test_service_configuration(client: Clients) -> None:
    before = client.admin.get_service_configuration()
    assert before["learningMode"] == "Online"
    wanted = {
        **before, "rewardWaitTime": "PT0.5S", "defaultReward": 0.1, "rewardAggregation": "sum",
        "explorationPercentage": 0.3, "modelExportFrequency": "PT1S", "logRetentionDays": 90, "modelRetrainDays": 2,
    }  # fmt: skip
    after = client.admin.update_service_configuration(wanted)
    changed = {name for name in wanted if after[name] != wanted[name]}
    assert changed == {"lastConfigurationEditDate"}
    assert client.admin.get_service_configuration() == after
    with pytest.raises(HttpResponseError) as caught:
        client.admin.update_service_configuration({**after, "learningMode": "Apprentice", "defaultReward": 0.2})
    assert code_of(caught.value) == (400, "InvalidLearningModeServiceConfiguration")


def test_policy(client: Clients) -> None:
    before = client.admin.get_policy()
    assert client.admin.update_policy(OLD_DEFAULT) == OLD_DEFAULT
    assert client.admin.get_policy() == OLD_DEFAULT
    assert client.admin.reset_policy() == before
    with pytest.raises(HttpResponseError) as caught:
        client.admin.update_policy({"name": "x", "arguments": "--epsilon 0.2"})
    assert code_of(caught.value) == (400, "InvalidPolicyConfiguration")


def test_apprentice_mode_serves_the_baseline_and_is_left_with_one_call(live: Live) -> None:
    """Only the policy's own choices count; before its first snapshot it has none."""
    settings = {"reward": {"window_s": 0.3}, "variants": {"learned": 1.0}, "publish_every_s": 0.2}
    client = opened(live, live.key_of("to-online", **settings))
    configuration = {**client.admin.get_service_configuration(), "learningMode": "Apprentice"}
    client.admin.update_service_configuration(configuration)

    def serve_40() -> None:
        for place in range(40):
            answer = client.events.rank({"actions": ACTIONS, "excludedActions": ["tea"] if place % 2 else []})
            assert answer["rewardActionId"] == ("soup" if place % 2 else "tea")
            client.events.reward(answer["eventId"], {"value": 1.0})

    def metrics() -> Any:
        return client.admin.get_service_configuration().get("latestApprenticeModeMetrics", {})

    serve_40()
    until(lambda: live.status("to-online")["serving"] is not None, within_s=30)
    serve_40()
    until(lambda: live.status("to-online")["n_joined"] == 80, within_s=30)
    found = metrics()
    assert 40 <= found["numberOfEvents"] <= 80
    assert found["sumOfRewards"] == float(found["numberOfEvents"])
    assert 0 < found["numberOfImitatedEvents"] <= found["numberOfEvents"]
    assert found["sumOfImitatedRewards"] == float(found["numberOfImitatedEvents"])
    online = client.admin.update_service_configuration(
        {**client.admin.get_service_configuration(), "learningMode": "Online"}
    )
    assert online["learningMode"] == "Online"
    chosen = {client.events.rank({"actions": ACTIONS})["rewardActionId"] for _ in range(200)}
    assert len(chosen) > 1


def test_an_apprentice_learns_a_baseline_that_is_not_the_order(live: Live) -> None:
    """The baseline is the last action always: chosen nearly always, once imitated."""
    client = opened(live, live.key_of("apprentice", mode="apprentice", reward={"window_s": 0.2}, publish_every_s=0.2))
    slots = [{"id": "hero", "baselineAction": "cake"}]
    n_sent = 0

    def matched_after(n: int) -> int:
        for _ in range(n):
            answer = client.events.rank_multi_slot({"actions": ACTIONS, "slots": slots})
            assert answer["slots"][0]["rewardActionId"] == "cake"
        nonlocal n_sent
        n_sent += n
        until(lambda: live.status("apprentice")["n_joined"] == n_sent, within_s=30)
        own = live.status("apprentice")["apprentice"]
        return 0 if own is None else int(own["n_matched"])

    taught = matched_after(300)
    assert matched_after(100) - taught >= 80
    assert live.status("apprentice")["apprentice"]["is_ready"]


def test_a_thousand_pairs_are_learned_and_evaluated(live: Live) -> None:
    """In the morning tea is worth 1, in the evening cake; the probability of the better action rises."""
    settings = {"reward": {"window_s": 0.3}, "variants": {"learned": 1.0}}
    client = opened(live, live.key_of("thousand", **settings))
    began = datetime.now(UTC) - timedelta(minutes=1)

    def pair(place: int) -> float:
        is_morning = place % 2 == 0
        better = "tea" if is_morning else "cake"
        context = [{"daypart": "morning" if is_morning else "evening"}]
        answer = client.events.rank({"contextFeatures": context, "actions": ACTIONS})
        client.events.reward(answer["eventId"], {"value": float(answer["rewardActionId"] == better)})
        return float(next(one["probability"] for one in answer["ranking"] if one["id"] == better))

    first = [pair(place) for place in range(10)]
    for place in range(980):
        pair(place)
    until(lambda: min(pair(0), pair(1)) > 0.8, within_s=60)
    last = [pair(place) for place in range(20)]
    assert sum(last) / 20 > 0.8 > 0.6 > sum(first) / 10

    model = b"".join(client.admin.export_model())
    assert len(model) > 100
    _look_at_model(live, client.key, len(model))
    properties = client.admin.get_model_properties()
    assert properties["creationTime"] <= properties["lastModifiedTime"]
    assert set(client.admin.get_log_properties()["dateRange"]) == {"from", "to"}
    until(lambda: live.status("thousand")["n_joined"] >= 1000, within_s=30)
    before = live.status("thousand")
    _evaluate(client, began)
    _see_the_log_learned_anew(live, before)
    assert status_of(client.admin, "reset_model") == 204
    assert pair(1) > 0.5, "the old model serves until the new one has learned something"
    until(lambda: live.status("thousand")["serving"]["n_learned"] < 100, within_s=30)


def _see_the_log_learned_anew(live: Live, before: Any) -> None:
    """The policy that was applied has learned all but the last few before it serves."""
    until(lambda: live.status("thousand")["lineage"] != before["lineage"], within_s=30)
    after = live.status("thousand")
    assert after["serving"]["n_learned"] >= before["n_joined"] - 30


def _look_at_model(live: Live, key: str, n_bytes: int) -> None:
    """Clients that infer by themselves look at the headers first."""
    asked = Request(f"{live.url}/personalizer/v1.1-preview.1/model", method="HEAD")
    asked.add_header("Ocp-Apim-Subscription-Key", key)
    with urlopen(asked, timeout=20) as answer:
        assert answer.headers["Last-Modified"].endswith(" GMT")
        assert int(answer.headers["Content-Length"]) > n_bytes / 2
        assert answer.read() == b""


def _evaluate(client: Clients, began: datetime) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=1)
    span = {"startTime": began.isoformat(), "endTime": ends.isoformat()}
    policies = [{"name": "candidate", "arguments": "--cb_explore_adf -l 0.5 --power_t 0.5 -q ::"}]
    assert status_of(client.admin, "create_evaluation", "ev 1", {"name": "jan", **span, "policies": policies}) == 200
    with pytest.raises(HttpResponseError) as caught:
        client.admin.create_evaluation("ev 1", {"name": "jan", **span})
    assert code_of(caught.value) == (400, "EvaluationAlreadyExists")

    def found() -> Any:
        return client.admin.get_evaluation(
            "ev 1", start_time=began, end_time=ends, interval_in_minutes=60, window="Rolling"
        )

    until(lambda: found()["status"] != "Running", within_s=90)
    evaluation = found()
    assert evaluation["status"] == "Succeeded", evaluation
    rewards = {one["name"]: one["summary"]["expectedReward"] for one in evaluation["content"]["value"]}
    assert set(rewards) == {"Online", "Baseline", "Random", "candidate"}
    assert rewards["Online"] > rewards["Baseline"]
    assert rewards["Online"] > rewards["Random"] > 0.0
    assert [one["id"] for one in client.admin.list_evaluations()] == ["ev 1"]
    assert [
        one["id"]
        for one in client.admin.list_evaluations(filter_expression="metadata=evaluationType eq 'Manual'", top=1)
    ] == ["ev 1"]
    assert status_of(client.admin, "apply_from_evaluation", {"evaluationId": "ev 1", "policyName": "candidate"}) == 204
    assert client.admin.get_policy() == policies[0]
    assert status_of(client.admin, "delete_evaluation", "ev 1") == 204
    with pytest.raises(ResourceNotFoundError) as missing:
        found()
    assert code_of(missing.value) == (404, "EvaluationNotFound")


def test_what_an_empty_loop_has_not(live: Live, fresh_key: Callable[..., str]) -> None:
    client = opened(live, fresh_key())
    with pytest.raises(ResourceNotFoundError) as caught:
        client.admin.get_log_properties()
    assert code_of(caught.value) == (404, "LogsPropertiesNotFound")
    with pytest.raises(ResourceNotFoundError):
        b"".join(client.admin.export_model())
    span = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2020-01-02T00:00:00Z"}
    with pytest.raises(HttpResponseError) as refused:
        client.admin.create_evaluation("e", {"name": "e", **span})
    assert code_of(refused.value) == (400, "NoLogsExistInDateRange")


def test_the_recorded_past_is_deleted(live: Live, fresh_key: Callable[..., str]) -> None:
    """Once it was learned: what is left is the last entry, the learner's tick."""
    client = opened(live, fresh_key())
    client.events.rank({"actions": ACTIONS})
    assert client.admin.get_log_properties()["dateRange"]

    def is_deleted() -> bool:
        assert status_of(client.admin, "delete_logs") == 204
        try:
            client.admin.get_log_properties()
        except ResourceNotFoundError as error:
            return code_of(error) == (404, "LogsPropertiesNotFound")
        return False

    until(is_deleted, within_s=60)
    client.events.rank({"actions": ACTIONS})
    assert client.admin.get_log_properties()["dateRange"]


def test_what_is_not_available_says_so(client: Clients) -> None:
    span = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2020-01-02T00:00:00Z"}
    calls: list[Callable[[], Any]] = [
        lambda: b"".join(client.admin.export_model(signed=True)),
        lambda: client.admin.create_feature_importance("f", {"name": "f", **span}),
        lambda: client.admin.get_feature_importance("f"),
        lambda: list(client.admin.list_feature_importances()),
        lambda: client.admin.delete_feature_importance("f"),
    ]
    for call in calls:
        with pytest.raises(HttpResponseError) as caught:
            call()
        assert code_of(caught.value) == (501, "NotImplemented")
    with pytest.raises(HttpResponseError) as caught:
        client.admin.import_model(b"a model")
    assert code_of(caught.value) == (400, "InvalidModelImportSignature")
