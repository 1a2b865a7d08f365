"""Rare words without coordinates: each update is Kalman's with a diagonal, memory is bounded, learning shows."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import Action, Context, Lesson, Slate, Slot
from policies.encoder import Encoder
from policies.overflow import N_CELLS, PRIOR_VARIANCE, Overflow

A, B = Action("a"), Action("b")
WORDS = np.array([11, 222, 3333], dtype=np.int64)
NONE = np.zeros(0, dtype=np.int64)


def raw(found: Overflow) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Weights that aren't 0."""
    weights = np.frombuffer(found.to_parts()[0], np.float32)
    told: np.ndarray[Any, np.dtype[np.float32]] = weights[weights != 0.0]
    return told


def test_the_first_reward_is_shared_out_by_variance() -> None:
    found = Overflow()
    found.observe(WORDS, A, 1.0)
    expected = PRIOR_VARIANCE / (1.0 + 3 * PRIOR_VARIANCE)
    assert_allclose(raw(found), [expected] * 3, rtol=1e-6)


def test_one_word_is_a_running_mean_drawn_to_0() -> None:
    """After n rewards of mean m: m n / (n + 1 / prior variance), the closed form for one weight."""
    found, rewards = Overflow(), [0.0, 1.0, 1.0, 0.5, 1.0]
    for reward in rewards:
        found.observe(WORDS[:1], A, reward)
    assert_allclose(raw(found), [sum(rewards) / (len(rewards) + 1.0 / PRIOR_VARIANCE)], rtol=1e-5)


def test_what_words_say_of_one_action_is_not_said_of_another() -> None:
    found = Overflow()
    for reward in (0.9, 1.0, 0.8):
        found.observe(WORDS, A, reward)
    found.refresh()
    column = found.column(WORDS, [A, B])
    assert column[0] > column[1]
    assert_array_equal(found.column(NONE, [A, B]), [0.0, 0.0])


def test_bytes_are_exact_and_bounded() -> None:
    found, dice = Overflow(), np.random.default_rng(1)
    assert len(found.to_parts()[0]) == 0
    for number in range(500):
        found.observe(dice.integers(2**32, size=20), Action(f"item {number % 50}"), float(dice.random()))
    found.refresh()
    again = Overflow.from_parts(msgspec.msgpack.decode(msgspec.msgpack.encode(found.to_parts())))
    assert again.to_parts() == found.to_parts()
    assert len(found.to_parts()[0]) == 4 * N_CELLS
    again.observe(WORDS, A, 1.0)
    found.observe(WORDS, A, 1.0)
    assert again.to_parts() == found.to_parts()
    with pytest.raises(ValueError, match="cells"):
        Overflow.from_parts([b"1234", b"", 0, found.to_parts()[3]])


def test_an_encoder_tells_of_words_that_have_no_coordinate() -> None:
    """The last words come when there are no coordinates left; the column of the right action is the larger one."""
    encoder = Encoder(32)
    for number in range(40):
        encoder.observe(lesson([f"common {number}"], A, 0.0))
    for _ in range(20):
        encoder.observe(lesson(["late", "later"], A, 1.0))
        encoder.observe(lesson(["late", "later"], B, 0.0))
    again = Encoder.from_bytes(encoder.to_bytes())
    z, _ = again.encode(Context({"words": ["late", "later"]}), [A, B])
    (column,) = np.flatnonzero(z[0] != z[1])
    assert z[0, column] > z[1, column]
    told = encoder.encode_chosen(lesson(["late", "later"], A, 1.0))[0]
    assert told[0, column] == z[0, column]


def lesson(words: list[str], action: Action, reward: float) -> Lesson:
    return Lesson(Context({"words": words}), [action], [Slot("0")], Slate((0,), (1.0,)), [reward])
