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


@pytest.mark.parametrize("masks", [LESSON.eligible, None])
def test_packed_and_unpacked_it_is_the_same(masks: list[np.ndarray[tuple[int], np.dtype[np.bool_]]] | None) -> None:
    made = step(replace(LESSON, eligible=masks))
    again = LoggedStep.unpack(made.pack())
    for name in ("context", "candidates", "items", "logged", "rewards", "allowed"):
        assert_array_equal(getattr(again, name), getattr(made, name))
    assert again.pack() == made.pack()


@pytest.mark.parametrize("data", [b"", b"123", b"\xff" * 40])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        LoggedStep.unpack(data)
    with pytest.raises(PolicyError):
        unpack_lesson(data)


def test_a_lesson_as_it_came_is_encoded_as_before() -> None:
    again = unpack_lesson(pack_lesson(LESSON))
    assert step(again).pack() == step().pack()
    assert (again.at_ms, again.trajectory, again.rewards) == (2**40, "session:é", [0.0, 3.0])
    assert [action.id for action in again.actions] == ["a", "b", "c"]
