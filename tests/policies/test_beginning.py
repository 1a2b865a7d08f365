"""The first lessons come back whole, and what was learned from them is as if the scaling had been known."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.testing import assert_allclose

from policies.base import Action, Context, Lesson, Slate, Slot
from policies.beginning import N_FIRST, Beginning
from policies.encoder import Encoder
from policies.linear import LinearLearner
from policies.linear_bytes import State
from policies.linear_options import LinearOptions
from policies.ridge import Moments
from tests.policies.offers import lessons

ODD: dict[str, Any] = {
    "n": float("nan"),
    "o": object(),
    "b": True,
    "l": [1, "two"],
    "d": {"e": None, "f": 2},
}


def odd_lesson() -> Lesson:
    actions = [Action("a", {"x": 1.0}), Action("b", {"tags": ["t", "u"], "deep": {"y": 3}}, b"k" * 12, (0.5,) * 8)]
    slots = [Slot("0"), Slot("side", {"w": "left"})]
    return Lesson(Context(ODD), actions, slots, Slate((1, 0), (0.5, 1.0)), [1.0, 0.0])


def test_they_come_back_from_bytes_and_mean_what_they_meant() -> None:
    kept, encoder = Beginning(), Encoder()
    told = [odd_lesson(), *lessons(5)]
    for lesson in told:
        kept.add(lesson)
        encoder.observe(lesson)
    again = Beginning.from_parts(msgspec.msgpack.decode(msgspec.msgpack.encode(kept.to_parts())))
    assert again.to_parts() == kept.to_parts()
    for lesson, one in zip(told, again.lessons, strict=True):
        for wanted, found in zip(encoder.encode_chosen(lesson), encoder.encode_chosen(one), strict=True):
            assert_allclose(found, wanted)


def test_what_was_learned_first_is_encoded_by_the_scaling_of_now() -> None:
    """The sums are those of the rows as the encoder, once it has seen all of them, would write them."""
    many = lessons(N_FIRST - 1, seed=4)
    learner = LinearLearner.fresh(LinearOptions(), reward_range=(0.0, 1.0), seed=1)
    learner.learn(many)
    found = State.from_bytes(learner.state())
    assert len(found.beginning.lessons) == N_FIRST - 1
    encoder, wanted = Encoder.from_bytes(found.encoder), Moments()
    for lesson in many:
        z, _ = encoder.encode_chosen(lesson)
        wanted.add(z, np.array(lesson.rewards))
    moments = Moments.from_bytes(found.moments)
    precision = np.ones(encoder.n_shared)
    moments.drop_own()
    assert_allclose(moments.posterior(precision, 1.0).mean, wanted.posterior(precision, 1.0).mean, atol=1e-8)


def test_they_are_forgotten_when_there_are_enough() -> None:
    learner = LinearLearner.fresh(LinearOptions(), reward_range=(0.0, 1.0), seed=1)
    learner.learn(lessons(N_FIRST))
    assert not State.from_bytes(learner.state()).beginning.lessons
