from __future__ import annotations

import json
from typing import Any

import pytest

from agent.loops import RewardSettings
from serve_app.errors import RequestError
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.feedback_wire import N_MOST, reward, slot_rewards

SETTINGS = RewardSettings()


def one(value: Any, request_id: str = "", settings: RewardSettings = SETTINGS) -> Any:
    return reward(json.dumps({"value": value}).encode(), "e", request_id, settings=settings, clock_ms=7)[0]


def several(rewards: Any, request_id: str = "r") -> Any:
    body = json.dumps({"reward": rewards}).encode()
    return slot_rewards(body, "e", request_id, settings=SETTINGS, clock_ms=7)


def test_a_reward_becomes_a_record() -> None:
    record = one(0.75)
    assert (record.event_id, record.value, record.slot, record.reward_id, record.clock_ms) == ("e", 0.75, None, None, 7)


def test_a_retry_names_the_same_reward_and_another_request_another() -> None:
    assert one(1, "r").reward_id == one(1, "r").reward_id != one(1, "s").reward_id
    both = several([{"slotId": "a", "value": 1}, {"slotId": "b", "value": 0}])
    assert both[0].reward_id != both[1].reward_id
    assert [(record.slot, record.value) for record in both] == [("a", 1.0), ("b", 0.0)]
    assert both == several([{"slotId": "a", "value": 1}, {"slotId": "b", "value": 0}])


@pytest.mark.parametrize("value", [1.01, -1.01, 1e300])
def test_a_reward_beyond_one_is_refused_unless_the_loop_has_a_wider_range(value: float) -> None:
    with pytest.raises(AzureError) as caught:
        one(value)
    assert (caught.value.status, caught.value.code) == (400, "InvalidRewardRequest")
    assert one(-1).value == -1.0
    assert one(30, settings=RewardSettings(max=50)).value == 30.0


@pytest.mark.parametrize("body", [b"{}", b'{"value": null}', b'{"value": "1"}', b"", b"nonsense"])
def test_a_body_without_a_number_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError):
        reward(body, "e", "", settings=SETTINGS, clock_ms=0)


@pytest.mark.parametrize("told", [[{"slotId": "x" * 257, "value": 1}], [{"slotId": "", "value": 1}]])
def test_a_slot_id_has_the_length_of_an_id(told: Any) -> None:
    with pytest.raises(RequestError, match="length"):
        several(told)


def test_more_rewards_than_a_slate_has_slots_are_refused() -> None:
    assert len(several([{"slotId": str(place), "value": 1} for place in range(N_MOST)])) == N_MOST
    with pytest.raises(RequestError, match="length <= 100"):
        several([{"slotId": str(place), "value": 1} for place in range(N_MOST + 1)])


def test_no_slot_at_all_is_refused() -> None:
    with pytest.raises(AzureError, match="at least one slot"):
        several([])
