from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from agent.records import Activation, Reward, SessionEnd
from tests.serve_app.conftest import InProcess


async def test_feedback_is_logged_raw_and_typed(service: InProcess) -> None:
    event_id = (await service.decided())["event_id"]
    body = [
        {"event_id": event_id, "value": 1},
        {"event_id": event_id, "value": 2.5, "type": "dwell_s", "slot": 0, "reward_id": "r", "props": {"x": [1]}},
        {"event_id": "mine", "value": -1.0, "action": "a"},
    ]
    response = await service.call("POST", "/v1/rewards", body)
    assert (response.status_code, response.json()) == (202, {"accepted": 3})
    first, second, third = [entry.record for entry in service.logged()[1:]]
    assert isinstance(first, Reward)
    assert (first.event_id, first.value, first.type, first.slot, first.props) == (event_id, 1.0, "reward", None, b"")
    assert isinstance(second, Reward)
    assert (second.value, second.type, second.slot, second.reward_id) == (2.5, "dwell_s", 0, "r")
    assert second.props == b'{"x": [1]}' or second.props == b'{"x":[1]}'
    assert isinstance(third, Reward)
    assert (third.event_id, third.action) == ("mine", "a")


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"value": "1"}, "value"),
        ({"value": None}, "value"),
        ({}, "value"),
        ({"value": 1, "slot": -1}, "slot"),
        ({"value": 1, "slot": 10**30}, "slot"),
        ({"value": 1, "slot": 50}, "slot"),
        ({"value": 1, "slot": 0, "action": "a"}, "slot"),
        ({"value": 1, "type": ""}, "type"),
        ({"value": 1, "props": [1]}, "props"),
        ({"value": 1, "props": {"x": "y" * 5000}}, "props"),
        ({"value": 1, "reward_id": "x" * 257}, "reward_id"),
        ({"value": 1, "loop": "No Loop"}, "loop"),
        ({"value": 1, "extra": 1}, "extra"),
    ],
)
async def test_one_wrong_reward_refuses_the_whole_list(service: InProcess, bad: dict[str, Any], field: str) -> None:
    body = [{"event_id": "e", "value": 1}, {"event_id": "e", **bad}]
    response = await service.call("POST", "/v1/rewards", body)
    assert response.status_code == 422, response.text
    assert response.json()["field"] == f"[1].{field}"
    assert response.json()["cure"]
    assert service.logged() == []


@pytest.mark.parametrize(
    "body", [b"[]", b"7", b"null", b'{"event_id":"e","value":NaN}', b'{"event_id":"e","value":1e999}']
)
async def test_a_body_of_no_rewards_is_refused(service: InProcess, body: bytes) -> None:
    response = await service.call("POST", "/v1/rewards", body)
    assert response.status_code in (400, 422)
    assert service.logged() == []


async def test_a_reward_finds_its_loop_by_the_signed_id(service: InProcess) -> None:
    await service.make_loop("other")
    event_id = (await service.decided(loop="other"))["event_id"]
    assert (await service.call("POST", "/v1/rewards", {"event_id": event_id, "value": 1})).status_code == 202
    assert len(service.logged("other")) == 2
    wrong = await service.call("POST", "/v1/rewards", {"event_id": event_id, "value": 1, "loop": "default"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "loop")
    assert service.logged() == []


async def test_a_deferred_decision_is_activated_by_whatever_id_it_has(service: InProcess) -> None:
    for event_id in ((await service.decided(defer=True))["event_id"], "mine/ünd more?"):
        response = await service.call("POST", f"/v1/events/{quote(event_id, safe='')}/activate")
        assert response.status_code == 202, response.text
        record = service.logged()[-1].record
        assert isinstance(record, Activation)
        assert record.event_id == event_id


async def test_the_end_of_a_session_is_logged_in_the_loop_named(service: InProcess) -> None:
    await service.make_loop("other")
    assert (await service.call("POST", "/v1/sessions/s%2F1/end", {"loop": "other"})).status_code == 202
    record = service.logged("other")[-1].record
    assert isinstance(record, SessionEnd)
    assert record.session == "s/1"
    assert (await service.call("POST", "/v1/sessions/s/end", b"{")).status_code == 400
    assert (await service.call("POST", f"/v1/sessions/{'s' * 300}/end")).status_code == 422
