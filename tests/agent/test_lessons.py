from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import pytest

from agent.lessons import FeatureRows, LessonError, lesson
from agent.loops import RewardSettings
from agent.records import Experience, SlotRecord, StreamId
from policies.base import Lesson
from policies.derived import packed
from tests.agent.fake_log import decision

KEYS = {letter: letter * 12 for letter in "abcd"}
STORED = {key.encode(): b'{"name":"%s"}' % letter.encode() for letter, key in KEYS.items()}
RANGE = RewardSettings(min=-1, max=1)


def learned(
    *,
    stored: dict[bytes, bytes] = STORED,
    rewards: tuple[float, ...] = (0.5,),
    fed: tuple[bool, ...] | None = None,
    settings: RewardSettings = RANGE,
    **more: Any,
) -> Lesson:
    served = decision("e", **{"feature_keys": "".join(KEYS.values()).encode(), **more})
    rows = FeatureRows(lambda keys: {key: stored[key] for key in keys if key in stored})
    rows.load(served)
    return lesson(Experience(StreamId(1, 0), served, rewards, 1, fed), rows, settings)


def test_features_slate_and_rewards_are_as_logged() -> None:
    slots = (SlotRecord("top", b'{"size":"large"}'), SlotRecord("bottom"))
    told = learned(n_slots=2, slots=slots, context=b'{"hour":21}', rewards=(0.5, 0.0))
    assert told.context.features == {"hour": 21}
    assert [(action.id, action.features["name"], action.key) for action in told.actions] == [
        (letter, letter, KEYS[letter].encode()) for letter in "abcd"
    ]
    assert [(slot.id, slot.features) for slot in told.slots] == [("top", {"size": "large"}), ("bottom", {})]
    assert (told.slate.chosen, told.slate.propensities, list(told.rewards)) == ((0, 1), (0.25, 0.25), [0.5, 0.0])
    assert told.eligible is None
    assert {action.derived for action in told.actions} == {()}


@pytest.mark.parametrize(("reward", "clipped"), [(7.0, 1.0), (-7.0, -1.0), (float("inf"), 1.0), (0.25, 0.25)])
def test_rewards_are_clipped_to_the_loops_range(reward: float, clipped: float) -> None:
    assert learned(rewards=(reward,)).rewards == [clipped]


@pytest.mark.parametrize(
    ("default", "rewards", "fed", "clicked"),
    [
        (0.0, (1.0, 0.0), (True, False), [True, False]),
        (0.0, (0.0, 0.0), (True, True), [False, False]),  # a client posts 0 where nothing was clicked
        (-0.1, (-0.1, 0.0), (False, True), [False, True]),
        (0.2, (0.2, 0.2), (True, False), [False, False]),
        (1.0, (9.0, -3.0), (True, True), [False, True]),  # as learned, so within the range
        (0.0, (1.0, 0.0), None, None),
    ],
)
def test_a_click_is_feedback_that_says_more_than_silence(
    default: float, rewards: tuple[float, ...], fed: tuple[bool, ...] | None, clicked: list[bool] | None
) -> None:
    settings = RewardSettings(min=-1, max=1, default=default)
    assert learned(n_slots=2, rewards=rewards, fed=fed, settings=settings).clicked == clicked


def test_derived_features_are_those_of_the_moment_of_deciding() -> None:
    values = [(at / 8, at, at / 2, at / 4, -at / 2, 2 * at, at / 16, 3 * at) for at in range(4)]
    told = learned(derived=b"".join(packed(row) for row in values))
    assert [action.derived for action in told.actions] == values


@pytest.mark.parametrize("n_columns", [2, 3, 4])
def test_columns_that_a_log_lacks_are_unknown(n_columns: int) -> None:
    """No age, the item's own rate for its tags', nothing of the user."""
    values = (0.5, 3.0, 7.0, 0.25)
    told = learned(derived=packed(values[:n_columns]) * 4)
    rest = {2: (0.0, 0.5), 3: (7.0, 0.5), 4: (7.0, 0.25)}[n_columns]
    assert {action.derived for action in told.actions} == {(0.5, 3.0, *rest, 0.0, 0.0, 0.0, 0.0)}


@pytest.mark.parametrize(
    ("who", "trajectory"),
    [
        ({"session": "s", "user": "u"}, "session:s"),
        ({"user": "u"}, "user:u"),
        ({"user": "session:s"}, "user:session:s"),
        ({}, ""),
    ],
)
def test_steps_follow_one_another_in_a_session_or_else_a_users_life(who: dict[str, Any], trajectory: str) -> None:
    told = learned(**who)
    assert (told.trajectory, told.at_ms) == (trajectory, 1)


def test_exclusions_become_one_mask_for_each_slot() -> None:
    told = learned(n_slots=2, slots=(SlotRecord("0", excluded=(1, 3)), SlotRecord("1")), rewards=(0.0, 0.0))
    assert told.eligible is not None
    assert [mask.tolist() for mask in told.eligible] == [[True, False, True, False], [True] * 4]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"stored": {}}, "features: a row is missing or unreadable"),
        ({"stored": {**STORED, b"b" * 12: b"[1]"}}, "features: a row is missing or unreadable"),
        ({"stored": {**STORED, b"b" * 12: b"{"}}, "features: a row is missing or unreadable"),
        ({"context": b"nonsense"}, "context: not a JSON object"),
        ({"slots": (SlotRecord("0", b"7"),)}, "slot features: not a JSON object"),
        ({"slots": (SlotRecord("0", excluded=(4,)),)}, "excluded: not an action"),
        ({"derived": struct.pack("<36f", *[0.0] * 36)}, "derived: not one float32 for each action and derived feature"),
        ({"derived": struct.pack("<9f", *[0.0] * 9)}, "derived: not one float32 for each action and derived feature"),
        ({"derived": b"1234"}, "derived: not one float32 for each action and derived feature"),
        ({"derived": struct.pack("<8f", *[float("nan")] * 8)}, "derived: not finite"),
    ],
)
def test_what_contradicts_itself_is_no_lesson(more: dict[str, Any], reason: str) -> None:
    with pytest.raises(LessonError, match=reason):
        learned(**more)


def test_rows_are_fetched_once_and_the_least_used_forgotten() -> None:
    asked: list[list[bytes]] = []

    def fetch(keys: Iterable[bytes]) -> dict[bytes, bytes]:
        asked.append(list(keys))
        return {key: b"{}" for key in asked[-1]}

    rows = FeatureRows(fetch, n_rows=2)
    first, second = b"a" * 12, b"b" * 12
    for served in (first, first, second, first, b"c" * 12, first, second):
        rows.load(decision("e", action_ids=("x",), feature_keys=served))
        assert rows[served] == {}
    assert asked == [[first], [second], [b"c" * 12], [second]]


def test_all_rows_of_one_decision_are_kept_however_many() -> None:
    rows = FeatureRows(lambda keys: dict.fromkeys(keys, b"{}"), n_rows=1)
    served = decision("e", feature_keys="".join(KEYS.values()).encode())
    rows.load(served)
    assert [rows[key] for key in STORED] == [{}] * 4
