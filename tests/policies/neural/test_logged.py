"""Lessons as steps: what a step holds, and that it comes back from bytes as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import Action, Context, Lesson, PolicyError, Slate, Slot
from policies.neural.dense import DenseEncoder
from policies.neural.logged import LoggedStep, pack_lesson, unpack_lesson

ACTIONS = [Action("a", {"topic": "x", "n": 1.5}, b"k"), Action("b", {"topic": "y"}), Action("c", {"tags": ["é", "z"]})]
LESSON = Lesson(
    Context({"hour": 3, "user": {"tier": None}}),
    ACTIONS,
    [Slot("s0"), Slot("s1")],
    Slate((2, 0), (0.5, 0.25)),
    [0.0, 3.0],
    [np.array([True, False, True]), np.array([True, True, True])],
    at_ms=2**40,
    trajectory="session:é",
)
ENCODER = DenseEncoder.fitted([(LESSON.context, ACTIONS)])


def step(lesson: Lesson = LESSON) -> LoggedStep:
    return LoggedStep.of(lesson, ENCODER, [0.0, 1.5])


def test_a_step_holds_what_learning_needs() -> None:
    made = step()
    assert_array_equal(made.context, ENCODER.context(LESSON.context))
    assert_array_equal(made.shown, ENCODER.actions(ACTIONS)[[2, 0]])
    assert made.items.tolist() == [2, 0]
    assert_array_equal(made.logged, np.log(np.array([0.5, 0.25])).astype(np.float32))
    assert made.clicks.tolist() == [False, True]
    assert made.allowed.tolist() == [[True, False, True], [True, True, True]]


def test_a_click_is_what_the_lesson_says_whatever_it_is_worth() -> None:
    assert step(replace(LESSON, rewards=[-0.1, 3.0], clicked=[False, True])).clicks.tolist() == [False, True]
    assert step(replace(LESSON, rewards=[0.0, 0.0], clicked=[True, False])).clicks.tolist() == [True, False]


@pytest.mark.parametrize("data", [b"", b"123", b"\xff" * 40])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        unpack_lesson(data)


def test_a_lesson_as_it_came_is_encoded_as_before() -> None:
    for lesson in (LESSON, replace(LESSON, eligible=None), replace(LESSON, clicked=[True, False])):
        kept, made = step(unpack_lesson(pack_lesson(lesson))), step(lesson)
        for name in LoggedStep.__slots__:
            assert_array_equal(getattr(kept, name), getattr(made, name))
    again = unpack_lesson(pack_lesson(LESSON))
    assert (again.at_ms, again.trajectory, again.rewards) == (2**40, "session:é", (0.0, 3.0))
    assert [action.id for action in again.actions] == ["a", "b", "c"]


def test_what_no_encoder_can_use_keeps_no_lesson_from_being_kept() -> None:
    odd = {"huge": 2**70, "nan": float("nan"), "nested": {"deep": [1, "two", None]}, "n": 1.5}
    again = unpack_lesson(pack_lesson(replace(LESSON, context=Context(odd))))
    fitted = DenseEncoder.fitted([(Context(odd), ACTIONS)])
    assert_array_equal(fitted.context(again.context), fitted.context(Context(odd)))
