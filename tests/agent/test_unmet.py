"""What a trained agent looks at and no lesson has."""

from __future__ import annotations

from typing import Any

import pytest

from agent.unmet import N_ENOUGH, Unmet
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


def test_at_first_everything_is_left() -> None:
    assert [sorted(side) for side in Unmet(ENCODER).left] == [sorted(CONTEXT), sorted(ACTIONS)]


def test_what_one_lesson_had_is_not_missed_any_more() -> None:
    met = after(lesson({"hour": 1}, ({"price": 1.0}, b"1")), lesson({}, ({}, b"2")))
    assert [sorted(side) for side in met.left] == [["kind"], ["at.home", "kind"]]


@pytest.mark.parametrize("key", [b"", b"1"])
def test_a_name_of_both_sides_is_met_side_by_side(key: bytes) -> None:
    of_an_action = lesson({}, ({"kind": "lure"}, key))
    assert after(of_an_action).left[0].count("kind") == 1
    both = after(of_an_action, lesson({"kind": "day"}, ({"kind": "lure"}, key)))
    assert "kind" not in both.left[0] + both.left[1]
    assert not any("kind" in side for side in after(lesson({"kind": "day"}, ({}, b"2")), of_an_action).left)


def test_it_goes_on_from_what_was_left() -> None:
    told = [lesson({"hour": 1}, ({}, b"1")), lesson({}, ({"price": 1.0}, b"2")), lesson({"kind": "x"}, ({}, b"1"))]
    again = Unmet(ENCODER, after(told[0]).left)
    for one in told[1:]:
        again.look(one)
    assert again.left == after(*told).left


def test_it_tells_which_and_how_many_of_how_many_once_enough_lessons_came() -> None:
    unmet = after(lesson({"hour": 1}, ({"price": 1.0, "kind": "lure"}, b"1")))
    assert unmet.troubles(N_ENOUGH - 1) == {}
    said = "unmet: no lesson has 2 of the 5 features that the agent was trained with: kind, at.home"
    assert unmet.troubles(N_ENOUGH) == {said: N_ENOUGH}
    whole = lesson({"kind": "x"}, ({"at": {"home": 2.0}}, b"2"))
    unmet.look(whole)
    assert unmet.troubles(N_ENOUGH) == {}


def test_of_many_some_are_named() -> None:
    encoder = DenseEncoder.fitted([(Context({f"c{n}": float(n) for n in range(1, 10)}), [Action("a", {"x": 1.0})])])
    (said,) = Unmet(encoder).troubles(N_ENOUGH)
    assert "10 of the 10 features" in said
    assert said.endswith(" and 5 more")
