from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.records import Decision, SlotRecord
from serve_app.errors import RequestError
from serve_app.personalizer import rank_wire as wire
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.feature_lists import NO_FEATURE
from serve_app.wire import WireAction, WireSlot

ACTIONS = [{"id": "tea", "features": [{"hot": True}, {"price": 3.5}]}, {"id": "soup", "features": [{"hot": True}]}]
LONG_ID = "Action ids have at most 256 characters."
SLOTS = [
    {"id": "hero", "features": [{"size": "l"}], "excludedActions": ["soup"], "baselineAction": "tea"},
    {"id": "side", "baselineAction": "soup"},
]


def rank(n_most: int = 50, **body: Any) -> wire.AskedRank:
    return wire.RankReader().rank(json.dumps({"actions": ACTIONS, **body}).encode(), n_most=n_most)


def multi_slot(**body: Any) -> wire.AskedRank:
    return wire.RankReader().multi_slot(json.dumps({"actions": ACTIONS, "slots": SLOTS, **body}).encode(), n_most=50)


def test_a_rank_request_becomes_a_slate_request() -> None:
    asked = rank(contextFeatures=[{"u": {"t": 1}}], excludedActions=["soup"], eventId="e 1", deferActivation=True)
    request = asked.request
    assert request.actions == [
        WireAction("tea", msgspec.Raw(b'{"hot":true,"price":3.5}')),
        WireAction("soup", msgspec.Raw(b'{"hot":true}')),
    ]
    assert bytes(request.context) == b'{"u":{"t":1}}'
    assert (request.slots, request.exclude, request.event_id, request.defer) == (1, ["soup"], "e 1", True)
    assert asked.baseline is None


def test_what_is_left_out_or_null_has_its_default_and_strangers_are_passed_over() -> None:
    nulls = rank(contextFeatures=None, excludedActions=None, eventId=None, deferActivation=None, futureField=1)
    assert nulls == rank()
    assert (rank().request.event_id, rank().request.defer, bytes(rank().request.context)) == (None, False, b"{}")


def test_a_multi_slot_request_becomes_a_slate_request_with_its_baseline() -> None:
    asked = multi_slot(eventId="e")
    assert asked.request.slots == [
        WireSlot("hero", msgspec.Raw(b'{"size":"l"}'), ["soup"]),
        WireSlot("side", msgspec.Raw(b"{}"), []),
    ]
    assert asked.baseline == (0, 1)


@pytest.mark.parametrize(
    ("body", "message", "target"),
    [
        ({"actions": []}, "Action count should be between 1 and 50.", "actions"),
        ({"actions": None}, "Action count should be between 1 and 50.", "actions"),
        ({"actions": ACTIONS * 26}, "Action count should be between 1 and 50.", "actions"),
        ({"actions": [None]}, wire.NULL_ACTION, "actions[0]"),
        ({"actions": [{"id": "", "features": [{"a": 1}]}]}, wire.EMPTY_ACTION_ID, "actions[0].id"),
        ({"actions": [{"features": [{"a": 1}]}]}, wire.EMPTY_ACTION_ID, "actions[0].id"),
        ({"actions": [{"id": "a"}]}, NO_FEATURE, "actions[0].features"),
        ({"actions": [{"id": "a" * 257, "features": [{"a": 1}]}]}, LONG_ID, "actions[0].id"),
        ({"eventId": ""}, wire.EMPTY_EVENT_ID, "eventId"),
        ({"eventId": "e" * 257}, "EventId has at most 256 characters.", "eventId"),
    ],
)  # fmt: skip
def test_rank_requests_are_refused_with_the_old_words(body: dict[str, Any], message: str, target: str) -> None:
    with pytest.raises(AzureError) as caught:
        rank(**body)
    refused = caught.value
    assert (refused.status, refused.code, refused.message, refused.target) == (
        400,
        "InvalidRankRequest",
        message,
        target,
    )


def slot(**other: Any) -> dict[str, Any]:
    return {"id": "s", "baselineAction": "tea", **other}


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        ([], wire.NO_SLOTS), (None, wire.NO_SLOTS), ([None], wire.NULL_SLOT),
        ([slot(id=str(i)) for i in range(3)], wire.SLOT_COUNT),
        ([slot(), slot(baselineAction="soup")], wire.SLOT_IDS), ([slot(id="")], wire.SLOT_IDS),
        ([slot(), slot(id="t")], wire.SLOT_BASELINE), ([{"id": "s"}], wire.SLOT_BASELINE),
        ([slot(baselineAction="x")], wire.SLOT_BASELINE), ([slot(excludedActions=["x"])], wire.SLOT_EXCLUDED),
        ([slot(excludedActions=["tea"])], wire.BASELINE_EXCLUDED),
    ],
)  # fmt: skip
def test_slots_are_refused_with_the_old_words(slots: Any, message: str) -> None:
    with pytest.raises(AzureError) as caught:
        multi_slot(slots=slots)
    assert (caught.value.code, caught.value.message) == ("InvalidRankRequest", message)


def test_a_body_of_another_shape_is_refused() -> None:
    with pytest.raises(RequestError):
        wire.RankReader().rank(b'{"actions": 3}', n_most=50)


def decision(**fields: Any) -> Decision:
    known: dict[str, Any] = {
        "event_id": "e", "clock_ms": 0, "window_ms": 1, "variant": "learned", "policy": "vw", "version": "v",
        "seed": 1, "context": b"{}", "action_ids": ("tea", "soup", "cake"), "feature_keys": bytes(36),
        "slots": (SlotRecord("0", b"{}", (1,)),), "chosen": (2,), "propensities": (0.9,),
    }  # fmt: skip
    return Decision(**known | fields)


def test_the_answer_is_made_of_the_logged_decision_and_tells_the_exact_propensity() -> None:
    likely = np.array([0.1, 0.0, 0.9], "<f4").tobytes()
    answer = wire.rank_answer(decision(likely=likely))
    assert [one.id for one in answer.ranking] == ["cake", "soup", "tea"]
    assert answer.ranking[0].probability == 0.9
    assert answer.ranking[1].probability == 0.0
    assert answer.ranking[2].probability == 0.1
    assert (answer.event_id, answer.reward_action_id) == ("e", "cake")
    body = msgspec.to_builtins(answer)
    assert set(body) == {"ranking", "eventId", "rewardActionId"}


def test_a_multi_slot_answer_names_each_slots_action() -> None:
    logged = decision(slots=(SlotRecord("hero"), SlotRecord("side")), chosen=(2, 0), propensities=(0.5, 0.5))
    assert msgspec.to_builtins(wire.multi_slot_answer(logged)) == {
        "slots": [{"id": "hero", "rewardActionId": "cake"}, {"id": "side", "rewardActionId": "tea"}],
        "eventId": "e",
    }
