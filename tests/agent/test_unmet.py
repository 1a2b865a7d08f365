"""What a trained agent looks at and no lesson has: names, and words that it was trained with."""

from __future__ import annotations

from typing import Any

import pytest

from agent.unmet import N_ENOUGH, Sight, Unmet
from policies.base import Action, Context, Lesson, Slate, Slot
from policies.neural.dense import DenseEncoder

ENCODER = DenseEncoder.fitted(
    [(Context({"hour": 3.0, "kind": "night"}), [Action("a", {"kind": "lure", "price": 2.0, "at": {"home": 1.0}})])]
)
CONTEXT, ACTIONS = ["hour", "kind"], ["price", "at.home", "kind"]


def lesson(context: dict[str, Any], *offered: tuple[dict[str, Any], bytes]) -> Lesson:
    actions = [Action(str(number), features, key) for number, (features, key) in enumerate(offered)]
    return Lesson(Context(context), actions, [Slot("0")], Slate((0,), (1.0,)), [0.0])


def after(*told: Lesson) -> Unmet:
    unmet = Unmet(ENCODER)
    for one in told:
        unmet.look(one)
    return unmet


def left(met: Unmet) -> list[list[str]]:
    return [sorted(side) for side in met.left]


def test_at_first_everything_is_left() -> None:
    assert left(Unmet(ENCODER)) == [sorted(CONTEXT), sorted(ACTIONS)]


def test_what_one_lesson_had_is_not_missed_any_more() -> None:
    met = after(lesson({"hour": 1}, ({"price": 1.0}, b"1")), lesson({}, ({}, b"2")))
    assert left(met) == [["kind"], ["at.home", "kind"]]


@pytest.mark.parametrize("key", [b"", b"1"])
def test_a_name_of_both_sides_is_met_side_by_side(key: bytes) -> None:
    of_an_action = lesson({}, ({"kind": "lure"}, key))
    assert after(of_an_action).left[0].count("kind") == 1
    both = after(of_an_action, lesson({"kind": "night"}, ({"kind": "lure"}, key)))
    assert "kind" not in both.left[0] + both.left[1]
    assert not any("kind" in side for side in after(lesson({"kind": "night"}, ({}, b"2")), of_an_action).left)


@pytest.mark.parametrize("key", [b"", b"1"])
@pytest.mark.parametrize("value", ["day", "", "lure", 1.0, True, None, ["day"], {"of": "night"}, float("nan")])
def test_a_word_that_it_was_not_trained_with_is_no_word_to_it(value: Any, key: bytes) -> None:
    """Each side has its own: the context's word is night, that of actions lure."""
    of_another = after(lesson({"kind": value}, ({"kind": "night" if value == "lure" else value}, key)))
    assert left(of_another) == [sorted(CONTEXT), sorted(ACTIONS)]
    of_its_own = after(lesson({"kind": ["day", "night"]}, ({"kind": "x"}, b"2"), ({"kind": "lure"}, key)))
    assert left(of_its_own) == [["hour"], ["at.home", "price"]]


@pytest.mark.parametrize(("value", "is_met"), [(0.0, True), (1e9, True), (-1, True), (False, True), ("3.0", False)])
def test_any_number_is_one_to_it_and_a_word_is_none(value: Any, is_met: bool) -> None:
    assert left(after(lesson({"hour": value}, ({}, b"1"))))[0] == (["kind"] if is_met else ["hour", "kind"])


def test_words_that_had_no_room_for_a_coordinate_are_not_known() -> None:
    """Twenty words for four coordinates, the rest of them shared by hash."""
    offered = [Action(str(n), {"topic": f"t{n}"}) for n in range(20)]
    encoder = DenseEncoder.fitted([(Context(), offered)], n_coordinates=4)
    for number, is_known in ((0, True), (19, False), (99, False)):
        unmet = Unmet(encoder)
        unmet.look(lesson({}, ({"topic": f"t{number}"}, b"")))
        assert (unmet.left == ([], [])) is is_known


def test_nothing_is_seen_until_one_value_is_known() -> None:
    sight = Sight(ENCODER)
    strange = lesson({"kind": "day", "weather": 1}, ({"kind": "ad", "name": "lure"}, b"1"))
    assert sight.sees_nothing_of([(strange.context, strange.actions)])
    assert sight.sees_nothing_of([])
    for known in (lesson({"hour": 1}), lesson({}, ({"kind": "lure"}, b"1")), lesson({}, ({"at": {"home": 0}}, b"1"))):
        assert not sight.sees_nothing_of([(one.context, one.actions) for one in (strange, known)])
    of_nothing = Sight(DenseEncoder.fitted([(Context(), [Action("a")])]))
    assert not of_nothing.sees_nothing_of([(strange.context, strange.actions)])


def test_it_goes_on_from_what_was_left() -> None:
    told = [lesson({"hour": 1}, ({}, b"1")), lesson({}, ({"price": 1.0}, b"2")), lesson({"kind": "night"}, ({}, b"1"))]
    again = Unmet(ENCODER, after(told[0]).left)
    for one in told[1:]:
        again.look(one)
    assert again.left == after(*told).left


def test_it_tells_which_and_how_many_of_how_many_once_enough_lessons_came() -> None:
    unmet = after(lesson({"hour": 1}, ({"price": 1.0, "kind": "lure"}, b"1")))
    assert unmet.troubles(N_ENOUGH - 1) == {}
    said = "unmet: no lesson has 2 of the 5 features that the agent was trained with: kind (such as night), at.home"
    assert unmet.troubles(N_ENOUGH) == {said: N_ENOUGH}
    whole = lesson({"kind": "night"}, ({"at": {"home": 2.0}}, b"2"))
    unmet.look(whole)
    assert unmet.troubles(N_ENOUGH) == {}


def test_of_many_some_are_named() -> None:
    encoder = DenseEncoder.fitted([(Context({f"c{n}": float(n) for n in range(1, 10)}), [Action("a", {"x": 1.0})])])
    (said,) = Unmet(encoder).troubles(N_ENOUGH)
    assert "10 of the 10 features" in said
    assert said.endswith(" and 5 more")
