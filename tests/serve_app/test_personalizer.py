"""The dialects over one replica, without the client packages: what those can't ask or don't look at."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import pytest

from agent.checkpoint import Checkpoint, CheckpointStore
from agent.evaluation.findings import Evaluation, EvaluationStore
from agent.event_log import append, server_ms
from agent.fencing import claim
from agent.join import JoinState
from agent.learner import LoopLearner
from agent.loops import LoopSettings
from agent.records import Activation, Decision, Reward, Tick
from tests.serve_app.conftest import ADMIN_KEY, InProcess

ACTIONS = [{"id": id, "features": [{"hot": id == "tea"}]} for id in ("tea", "soup", "cake")]
SLOTS = [{"id": "hero", "baselineAction": "cake"}, {"id": "side", "baselineAction": "tea"}]
V1, PREVIEW = "/personalizer/v1.0/", "/personalizer/v1.1-preview.3/"


async def call(
    service: InProcess, method: str, path: str, body: Any = None, *, key: str = ADMIN_KEY, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {"ocp-apim-subscription-key": key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.replica.app), base_url="http://service") as http:
        return await http.request(method, path, content=content, headers=named)


async def rank(service: InProcess, *, status: int = 201, key: str = ADMIN_KEY, **body: Any) -> Any:
    answer = await call(service, "POST", V1 + "rank", {"actions": ACTIONS, **body}, key=key)
    assert answer.status_code == status, answer.text
    return answer.json()


def records(service: InProcess, kind: Any, loop: str = "default") -> list[Any]:
    return [entry.record for entry in service.logged(loop) if isinstance(entry.record, kind)]


async def configure(service: InProcess, key: str = ADMIN_KEY, **other: Any) -> httpx.Response:
    path = V1 + "configurations/service"
    before = (await call(service, "GET", path, key=key)).json()
    return await call(service, "PUT", path, before | other, key=key)


async def test_what_is_answered_is_what_is_logged(service: InProcess) -> None:
    answer = await rank(service, contextFeatures=[{"u": {"t": 1}}], excludedActions=["soup"], eventId="e")
    (logged,) = records(service, Decision)
    assert logged.action_ids[logged.chosen[0]] == answer["rewardActionId"]
    probabilities = {one["id"]: one["probability"] for one in answer["ranking"]}
    assert probabilities[answer["rewardActionId"]] == logged.propensities[0]
    assert probabilities["soup"] == 0.0
    assert answer["ranking"][1]["id"] == "soup"
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-6)
    assert json.loads(logged.context) == {"u": {"t": 1}}


async def test_drawn_frequencies_are_the_probabilities_told(service: InProcess) -> None:
    """600 ranks of the baseline with its floor: tea 13/15, others 1/15 each; 4 standard errors are 0.056."""
    await service.make_loop("x", variants={"learned": 1.0})
    key = service.key("decide", loop="x")
    answers = [await rank(service, key=key) for _ in range(600)]
    drawn = Counter(answer["rewardActionId"] for answer in answers)
    assert {one["id"]: round(one["probability"], 6) for one in answers[0]["ranking"]} == {
        "tea": 0.866667, "soup": 0.066667, "cake": 0.066667
    }  # fmt: skip
    assert drawn["tea"] / 600 == pytest.approx(13 / 15, abs=0.056)


async def test_the_key_picks_the_loop(service: InProcess) -> None:
    await service.make_loop("shop")
    await rank(service, key=service.key("decide", loop="shop"), eventId="e")
    await rank(service, eventId="e")
    assert [len(records(service, Decision, loop)) for loop in ("shop", "default")] == [1, 1]
    denied = await call(service, "GET", V1 + "model", key=service.key("decide", loop="shop"))
    assert (denied.status_code, denied.json()["error"]["code"]) == (403, "InvalidApiAccess")


async def test_a_missing_or_unknown_key_is_401_with_a_document(service: InProcess) -> None:
    for key in ("", "nobody's"):
        answer = await call(service, "POST", V1 + "rank", {"actions": ACTIONS}, key=key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "401")
        assert answer.headers["x-ms-error-code"] == "401"
        assert "Ocp-Apim-Subscription-Key" in answer.json()["error"]["message"]


async def test_a_repeat_gets_the_same_answer_and_is_logged_once(service: InProcess) -> None:
    assert await rank(service, eventId="e") == await rank(service, eventId="e")
    body = {"actions": ACTIONS}
    named = [
        (await call(service, "POST", V1 + "rank", body, x_ms_client_request_id="r")).json()["eventId"] for _ in range(3)
    ]
    assert len(set(named)) == 1
    other = (await call(service, "POST", V1 + "rank", body, x_ms_client_request_id="s")).json()["eventId"]
    assert other != named[0]
    assert len(records(service, Decision)) == 3
    conflict = await rank(service, status=409, eventId="e", contextFeatures=[{"a": 1}])
    assert conflict["error"]["code"] == "EventIdConflict"


async def test_ids_with_spaces_and_slashes(service: InProcess) -> None:
    await rank(service, eventId="a b/c", deferActivation=True)
    for path in ("events/a%20b%2Fc/reward", "events/a%20b%2Fc/activate"):
        body = {"value": 1} if path.endswith("reward") else None
        answer = await call(service, "POST", V1 + path, body)
        assert (answer.status_code, answer.content) == (204, b"")
    assert records(service, Reward)[0].event_id == records(service, Activation)[0].event_id == "a b/c"
    assert records(service, Decision)[0].deferred


async def test_rewards_are_taken_whatever_their_event(service: InProcess) -> None:
    for id in ("unknown", "sl1.forged.id.x.y", "x" * 256):
        assert (await call(service, "POST", f"{V1}events/{id}/reward", {"value": 1})).status_code == 204
    assert [one.event_id for one in records(service, Reward)][:2] == ["unknown", "sl1.forged.id.x.y"]
    long = await call(service, "POST", f"{V1}events/{'x' * 257}/reward", {"value": 1})
    assert (long.status_code, long.json()["error"]["code"]) == (400, "InvalidRewardRequest")


async def test_a_public_key_rewards_signed_events_alone(service: InProcess) -> None:
    key = service.key("reward", loop="default")
    event_id = (await rank(service))["eventId"]
    assert (await call(service, "POST", f"{V1}events/{event_id}/reward", {"value": 1}, key=key)).status_code == 204
    forged = await call(service, "POST", f"{V1}events/mine/reward", {"value": 1}, key=key)
    assert forged.status_code == 403


async def test_multi_slot(service: InProcess) -> None:
    body = {"actions": ACTIONS, "slots": SLOTS, "eventId": "m"}
    answer = await call(service, "POST", PREVIEW + "multislot/rank", body)
    assert answer.status_code == 201
    (logged,) = records(service, Decision)
    assert [slot["rewardActionId"] for slot in answer.json()["slots"]] == [logged.action_ids[i] for i in logged.chosen]
    assert logged.baseline == (2, 0)
    told = {"reward": [{"slotId": "hero", "value": 1}, {"slotId": "side", "value": 0.5}]}
    for _ in range(2):
        path = PREVIEW + "multislot/events/m/reward"
        assert (await call(service, "POST", path, told, x_ms_client_request_id="r")).status_code == 204
    rewards = records(service, Reward)
    assert [(one.slot, one.value) for one in rewards] == [("hero", 1.0), ("side", 0.5)] * 2
    assert len({one.reward_id for one in rewards}) == 2


async def test_an_event_id_of_several_slots_is_none_of_one(service: InProcess) -> None:
    body = {"actions": ACTIONS, "slots": SLOTS, "eventId": "m"}
    assert (await call(service, "POST", PREVIEW + "multislot/rank", body)).status_code == 201
    conflict = await call(service, "POST", PREVIEW + "rank", body)
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (409, "EventIdConflict")


async def test_before_the_first_model_the_named_baseline_is_served_with_a_fifth_of_exploration(
    service: InProcess,
) -> None:
    """Of 400 slates the baseline fills the first slot with .8 + .2 / 3 = .867; 4 standard errors are .068."""
    await service.make_loop("x", variants={"learned": 1.0})
    key, body = service.key("decide", loop="x"), {"actions": ACTIONS, "slots": SLOTS}
    for _ in range(400):
        assert (await call(service, "POST", PREVIEW + "multislot/rank", body, key=key)).status_code == 201
    logged = records(service, Decision, "x")
    assert sum(one.chosen[0] == 2 for one in logged) / 400 == pytest.approx(13 / 15, abs=0.068)
    likely = {one.chosen: one.propensities for one in logged}
    assert likely[2, 0] == pytest.approx((13 / 15, 0.9))
    assert all(first == pytest.approx(1 / 15) for (chosen, _), (first, _) in likely.items() if chosen != 2)


async def test_changes_at_the_same_time_are_all_kept(service: InProcess) -> None:
    policy = {"name": "p", "arguments": "--cb_explore_adf --bag 3"}
    await asyncio.gather(
        configure(service, explorationPercentage=0.37),
        call(service, "PUT", V1 + "configurations/policy", policy),
        call(service, "DELETE", V1 + "model"),
    )
    stored = service.replica.loops.peek("default")
    assert stored is not None
    assert (stored.settings.floor, stored.settings.policy.kind) == (0.37, "vw")
    assert stored.settings.learn_since_ms > 0


async def test_an_apprentice_serves_the_baseline_and_logs_its_own_choice(service: InProcess) -> None:
    assert (await configure(service, learningMode="Apprentice")).status_code == 200
    for place in range(30):
        answer = await rank(service, excludedActions=["tea"] if place == 0 else [])
        assert answer["rewardActionId"] == ("soup" if place == 0 else "tea")
        assert {one["id"]: one["probability"] for one in answer["ranking"]}[answer["rewardActionId"]] == 1.0
    logged = records(service, Decision)
    assert {(one.variant, one.policy, one.floor, one.propensities) for one in logged} == {
        ("baseline", "baseline", 0.0, (1.0,))
    }
    own = [one.imitation for one in logged]
    assert all(one is not None and 0.0 < one.propensities[0] < 1.0 for one in own)
    assert {one.chosen for one in own} > {(0,)}
    body = {"actions": ACTIONS, "slots": SLOTS}
    slots = (await call(service, "POST", PREVIEW + "multislot/rank", body)).json()["slots"]
    assert [slot["rewardActionId"] for slot in slots] == ["cake", "tea"]


async def test_logging_only_serves_the_baseline_and_imitates_nobody(service: InProcess) -> None:
    assert (await configure(service, learningMode="LoggingOnly")).status_code == 200
    assert (await rank(service))["rewardActionId"] == "tea"
    assert records(service, Decision)[0].imitation is None


async def test_apprentice_mode_is_for_native_loops_too(service: InProcess) -> None:
    await service.make_loop("x", mode="apprentice")
    for _ in range(10):
        answer = await service.decided(loop="x", slots=2)
        assert [(item["id"], item["propensity"]) for item in answer["slate"]] == [("a", 1.0), ("b", 1.0)]
    assert all(one.imitation is not None for one in records(service, Decision, "x"))
    await service.make_loop("x", mode="online", variants={"uniform": 1.0})
    assert (await service.decided(loop="x"))["variant"] == "uniform"


async def test_a_changed_policy_begins_a_lineage_and_exploration_does_not(service: InProcess) -> None:
    def learning_hash() -> str:
        stored = service.replica.loops.peek("default")
        assert stored is not None
        return stored.settings.learning_hash

    before = learning_hash()
    assert (await configure(service, explorationPercentage=0.5)).json()["explorationPercentage"] == 0.5
    assert learning_hash() == before
    policy = {"name": "p", "arguments": "--cb_explore_adf --bag 3"}
    assert (await call(service, "PUT", V1 + "configurations/policy", policy)).json() == policy
    changed = learning_hash()
    assert changed != before
    trained = {"name": "p", "arguments": f"""--cb_explore_adf --slateloop '{{"start": "sha256:{64 * "0"}"}}'"""}
    refused = await call(service, "PUT", V1 + "configurations/policy", trained)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InvalidPolicyConfiguration")
    assert (await call(service, "DELETE", V1 + "model")).status_code == 204
    assert learning_hash() not in (before, changed)


async def test_model_and_logs_before_anything_happened(service: InProcess) -> None:
    for method in ("GET", "HEAD"):
        answer = await call(service, method, V1 + "model")
        assert answer.status_code == 404
        assert bool(answer.content) is (method == "GET")
    properties = (await call(service, "GET", V1 + "model/properties")).json()
    assert properties["creationTime"] == properties["lastModifiedTime"]
    assert (await call(service, "GET", V1 + "logs/properties")).json()["error"]["code"] == "LogsPropertiesNotFound"
    await rank(service)
    found = (await call(service, "GET", V1 + "logs/properties")).json()["dateRange"]
    assert found["from"] == found["to"]


@pytest.mark.parametrize("prefix", ["v1.0/", "v1.1-preview.1/", "v1.1-preview.3/", ""])
async def test_the_log_is_deleted_as_far_as_it_was_learned(service: InProcess, prefix: str) -> None:
    path = f"/personalizer/{prefix}logs" + ("" if prefix else "?api-version=2022-09-01-preview")
    await rank(service)
    assert (await call(service, "DELETE", path)).status_code == 204
    assert len(records(service, Decision)) == 1
    learned(service)
    answer = await call(service, "DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert records(service, Decision) == []
    assert (await call(service, "GET", V1 + "logs/properties")).json()["error"]["code"] == "LogsPropertiesNotFound"
    assert (await call(service, "DELETE", path, key=service.key("decide"))).status_code == 403
    await rank(service)
    assert (await call(service, "GET", V1 + "logs/properties")).status_code == 200


def learned(service: InProcess) -> None:
    """Write what a learner does that has taken everything in: its checkpoint stands at a tick."""
    tail = append(service.redis, "default", Tick(server_ms(service.redis)))
    settings = LoopSettings()
    fence = claim(service.redis, "default", settings.learning_hash)
    state = LoopLearner(settings).state()
    CheckpointStore(service.redis, fence).save(Checkpoint(fence.lineage, fence.epoch, 1, JoinState(tail), state))


async def test_an_evaluation_in_the_first_dialect(service: InProcess) -> None:
    await rank(service)
    span = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2100-01-01T00:00:00Z"}
    created = await call(service, "POST", V1 + "evaluations", {"name": "n", **span, "policies": []})
    assert created.status_code == 201
    id = created.json()["id"]
    assert created.headers["location"].endswith(f"/personalizer/v1.0/evaluations/{id}")
    for _ in range(300):
        found = (await call(service, "GET", f"{V1}evaluations/{id}")).json()
        if found["status"] != "pending":
            break
        await asyncio.sleep(0.05)
    assert found["status"] == "completed"
    assert "evaluationType" not in found
    assert [one["name"] for one in found["policyResults"]] == ["Online", "Baseline", "Random"]
    assert (await call(service, "GET", V1 + "evaluations")).json() == [found]
    assert (await call(service, "DELETE", f"{V1}evaluations/{id}")).status_code == 204
    assert (await call(service, "GET", f"{V1}evaluations/{id}")).json()["error"]["code"] == "EvaluationNotFound"


async def test_evaluations_are_listed_page_by_page(service: InProcess) -> None:
    store = EvaluationStore(service.redis, "default")
    for place in range(5):
        store.add(Evaluation(id=str(place), name="n", start_ms=0, end_ms=1, created_ms=place))
    path, pages = "/personalizer/evaluations?maxpagesize=2&top=4", []
    while path:
        page = (await call(service, "GET", path + "&api-version=2022-09-01-preview")).json()
        pages.append([one["id"] for one in page["value"]])
        path = page.get("nextLink", "")
    assert pages == [["4", "3"], ["2", "1"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "rank", b"{", 400, "InvalidRankRequest"),
        ("POST", "rank", b'{"actions": [' + b" " * 100_000, 400, "PayloadSizeExceeded"),
        ("POST", "rank", {"actions": [ACTIONS[0], ACTIONS[0]]}, 400, "InvalidRankRequest"),
        ("POST", "rank", {"actions": ACTIONS, "excludedActions": ["tea", "soup", "cake"]}, 400, "InvalidRankRequest"),
        ("POST", "rank", {"actions": ACTIONS, "eventId": "sl1.mine"}, 400, "InvalidRankRequest"),
        ("POST", "events/e/reward", {"value": 3}, 400, "InvalidRewardRequest"),
        ("PUT", "configurations/service", {}, 400, "InvalidServiceConfiguration"),
        ("PUT", "configurations/policy", {"name": "n"}, 400, "InvalidPolicyConfiguration"),
        ("POST", "evaluations", {"name": "n"}, 400, "InvalidEvaluationContract"),
        ("GET", "model?signed=true", None, 501, "NotImplemented"),
        ("PATCH", "rank", None, 405, "BadRequest"),
        ("GET", "nonsense", None, 404, "ResourceNotFound"),
    ],
)  # fmt: skip
async def test_refusals(service: InProcess, method: str, path: str, body: Any, status: int, code: str) -> None:
    answer = await call(service, method, V1 + path, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-ms-error-code"] == code
    assert records(service, Decision) == []


async def test_no_answer_while_the_datastore_is_away(service: InProcess) -> None:
    service.redis.config_set("maxmemory", "1")
    answer = await call(service, "POST", V1 + "events/e/reward", {"value": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "OperationNotAllowed")
    assert answer.headers["retry-after"] == "1"


async def test_the_control_arm_of_a_multi_slot_request_is_the_baseline_it_names(service: InProcess) -> None:
    await service.make_loop("x", variants={"order": 1.0})
    key = service.key("decide", loop="x")
    answer = await call(service, "POST", PREVIEW + "multislot/rank", {"actions": ACTIONS, "slots": SLOTS}, key=key)
    assert [slot["rewardActionId"] for slot in answer.json()["slots"]] == ["cake", "tea"]
    (logged,) = records(service, Decision, "x")
    assert (logged.variant, logged.propensities) == ("order", (1.0, 1.0))
