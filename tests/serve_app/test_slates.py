from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from agent.event_log import LogReader
from agent.records import Decision
from agent.variants import Dealer
from policies.base import Context, Slot
from policies.features import address, canonical
from policies.registry import make_policy
from policies.sampling import Rules, choose
from serve_app.routes.scoping import LoopResolver
from tests.serve_app.conftest import InProcess


def decision(service: InProcess, loop: str = "default") -> Decision:
    record = service.logged(loop)[-1].record
    assert isinstance(record, Decision)
    return record


async def test_a_slate_is_logged_before_it_is_answered_as_it_was_answered(service: InProcess) -> None:
    answer = await service.decided(slots=2, user="u", session="s", context={"hour": 21}, defer=True)
    logged = decision(service)
    assert logged.event_id == answer["event_id"]
    assert [logged.action_ids[i] for i in logged.chosen] == [item["id"] for item in answer["slate"]]
    assert list(logged.propensities) == [item["propensity"] for item in answer["slate"]]
    assert (logged.user, logged.session, logged.deferred) == ("u", "s", True)
    assert (logged.variant, logged.policy, logged.version) == (answer["variant"], answer["policy"], answer["version"])
    assert json.loads(logged.context) == {"hour": 21}
    assert logged.window_ms == 60_000


async def test_the_first_snapshot_is_awaited_with_the_baseline_and_its_exploration(service: InProcess) -> None:
    await service.make_loop("x", variants={"learned": 1.0})
    answers = [await service.decided(loop="x", slots=1) for _ in range(40)]
    assert {(answer["policy"], answer["version"]) for answer in answers} == {("baseline", "")}
    for answer in answers:
        (item,) = answer["slate"]
        assert abs(item["propensity"] - (0.8 + 0.2 / 3 if item["id"] == "a" else 0.2 / 3)) < 1e-12


async def test_a_logged_decision_can_be_drawn_again_from_its_seed(service: InProcess) -> None:
    await service.make_loop("x", variants={"uniform": 1.0})
    await service.decided(loop="x", slots=3)
    logged = decision(service, "x")
    prepared = make_policy("uniform", {}, b"", reward_range=(0, 1)).prepare(Context(), [None] * 3)  # type: ignore[list-item]  # uniform looks at none
    again = choose(prepared, [Slot("0"), Slot("1"), Slot("2")], logged.seed, Rules())
    assert again.chosen == logged.chosen
    assert again.propensities == logged.propensities == (1 / 3, 1 / 2, 1.0)


async def test_features_are_stored_once_under_their_address(service: InProcess) -> None:
    features = {"topic": "sport", "age_h": 3.5}
    for _ in range(2):
        await service.decided(actions=[{"id": "a", "features": features}, "b"])
    logged = decision(service)
    assert logged.feature_keys == address(canonical(features)) + address(b"{}")
    rows = LogReader(service.redis, "default").rows([address(canonical(features)), address(b"{}")])
    assert rows[address(canonical(features))] == canonical(features)
    assert rows[address(b"{}")] == b"{}"


async def test_excluded_actions_are_never_chosen_and_the_log_says_so(service: InProcess) -> None:
    await service.make_loop("x", variants={"uniform": 1.0})
    slots = [{"id": "top", "exclude": ["b"]}, {"id": "side", "features": {"wide": True}}]
    for _ in range(20):
        answer = await service.decided(loop="x", slots=slots, exclude=["c", "unknown"], actions=["a", "b", "c", "d"])
        ids = [item["id"] for item in answer["slate"]]
        assert "c" not in ids
        assert ids[0] != "b"
    logged = decision(service, "x")
    assert [slot.id for slot in logged.slots] == ["top", "side"]
    assert [slot.excluded for slot in logged.slots] == [(1, 2), (2,)]
    assert logged.slots[1].features == b'{"wide":true}'


async def test_a_slot_left_with_nothing_is_refused_and_not_logged(service: InProcess) -> None:
    response = await service.slate(slots=2, exclude=["a", "b"])
    assert response.status_code == 422
    assert response.json()["field"] == "slots[1]"
    assert service.logged() == []


async def test_the_same_client_event_id_gets_the_same_answer_and_is_logged_once(service: InProcess) -> None:
    await service.make_loop("x", variants={"uniform": 1.0})
    body = {"loop": "x", "event_id": "order/17", "slots": 3}
    answers = await asyncio.gather(*(service.decided(**body) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert len(service.logged("x")) == 1
    response = await service.slate(**{**body, "slots": 2})
    assert response.status_code == 409
    assert (response.json()["field"], response.json()["title"]) == ("event_id", "Conflict with an earlier request")
    assert len(service.logged("x")) == 1


async def test_a_sticky_user_stays_in_one_variant_and_shares_are_kept(service: InProcess) -> None:
    await service.make_loop("x", variants={"uniform": 0.5, "order": 0.5})
    first = (await service.decided(loop="x", user="u"))["variant"]
    assert {(await service.decided(loop="x", user="u"))["variant"] for _ in range(10)} == {first}
    assert {(await service.decided(loop="x"))["variant"] for _ in range(30)} == {"uniform", "order"}


def test_dealt_shares_match_the_settings() -> None:
    """4,000 users at 30 %: the standard deviation is 0.0072, so 0.03 is beyond 4 of them."""
    dealer = Dealer({"a": 0.3, "b": 0.0, "c": 0.7}, salt="ä" * 64, sticky=True)
    dealt = Counter(dealer.deal(user=f"u{i}", session=None, event_id="") for i in range(4000))
    assert abs(dealt["a"] / 4000 - 0.3) < 0.03
    assert dealt["b"] == 0


def test_a_variant_hangs_on_user_else_session_else_event() -> None:
    sticky = Dealer({"a": 0.5, "b": 0.5}, salt="", sticky=True)
    loose = Dealer({"a": 0.5, "b": 0.5}, salt="", sticky=False)
    events = [f"e{i}" for i in range(50)]
    assert len({sticky.deal(user="u", session=event, event_id=event) for event in events}) == 1
    assert len({sticky.deal(user=None, session="s", event_id=event) for event in events}) == 1
    assert len({sticky.deal(user=None, session=None, event_id=event) for event in events}) == 2
    assert len({loose.deal(user="u", session="s", event_id=event) for event in events}) == 2


async def test_a_batch_answers_each_request_in_its_place(service: InProcess) -> None:
    good = {"actions": ["a"]}
    response = await service.call("POST", "/v1/slates/batch", {"requests": [good, {"actions": []}, good]})
    assert response.status_code == 200
    first, second, third = response.json()["slates"]
    assert first["slate"][0]["id"] == third["slate"][0]["id"] == "a"
    assert (second["status"], second["field"]) == (422, "actions")
    assert len(service.logged()) == 2


async def test_a_batch_beyond_the_limit_is_refused_whole(service: InProcess) -> None:
    response = await service.call("POST", "/v1/slates/batch", {"requests": [{"actions": ["a"]}] * 9})
    assert response.status_code == 422
    assert service.logged() == []


async def test_an_action_named_by_id_alone_has_its_catalogue_features(service: InProcess) -> None:
    items = {"items": [{"id": "a", "features": {"topic": "sport", "price": 3}}]}
    assert (await service.call("PUT", "/v1/loops/default/items", items)).json() == {"stored": 1, "new": 1}
    await service.decided(actions=["a", {"id": "a2"}])
    assert decision(service).feature_keys[:12] == address(canonical({"topic": "sport", "price": 3}))
    await service.decided(actions=[{"id": "a", "features": {"price": 4}}])
    assert decision(service).feature_keys == address(canonical({"topic": "sport", "price": 4}))
    await service.call("DELETE", "/v1/loops/default/items/a")
    await service.decided(actions=["a"])
    assert decision(service).feature_keys == address(b"{}")


@pytest.mark.parametrize(("raised", "status"), [(TimeoutError, 503), (ZeroDivisionError, 500)])
async def test_one_failing_request_of_a_batch_leaves_the_others(
    service: InProcess, monkeypatch: pytest.MonkeyPatch, raised: Callable[[], Exception], status: int
) -> None:
    find = LoopResolver.of

    async def of(self: LoopResolver, principal: Any, named: str | None) -> Any:
        if named == "failing":
            raise raised()
        return await find(self, principal, named)

    monkeypatch.setattr(LoopResolver, "of", of)
    requests = [{"actions": ["a"]}, {"actions": ["a"], "loop": "failing"}, {"actions": ["a"]}]
    response = await service.call("POST", "/v1/slates/batch", {"requests": requests})
    assert response.status_code == 200
    answers = response.json()["slates"]
    assert [answer.get("status") for answer in answers] == [None, status, None]
    assert len(service.logged()) == 2
