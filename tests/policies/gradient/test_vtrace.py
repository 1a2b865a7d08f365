"""Values corrected for who served: by hand, against λ-returns, and against a policy whose value is known."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from policies.gradient.vtrace import corrected
from policies.neural.returns import advantages

DICE = np.random.default_rng(3)
REWARDS, VALUES = DICE.normal(size=6).astype(np.float32), DICE.normal(size=7).astype(np.float32)


def test_on_its_own_data_it_is_the_lambda_return() -> None:
    found = corrected(REWARDS, VALUES, np.ones(6), lambda_=0.9, gamma=0.97)
    never = np.zeros((6, 1), dtype=np.bool_)
    expected = advantages(
        REWARDS[:, None], VALUES[:-1, None], VALUES[1:, None], ended=never, cut=never, lambda_=0.9, gamma=0.97
    )[:, 0]
    assert_allclose(found.advantages, expected, rtol=1e-5)
    assert_allclose(found.targets, expected + VALUES[:-1], rtol=1e-5)


def test_two_steps_by_hand() -> None:
    """δ = (1 + 3 − 2, 5 + 0 − 3) = (2, 2); u_2 = 0.5 · 2; the first gain is 2 + 0.9 · u_2, u_1 is 3 · 2 + 0.9 · u_2."""
    found = corrected(np.array([1.0, 5.0]), np.array([2.0, 3.0, 0.0]), np.array([3.0, 0.5]), lambda_=0.9)
    assert_allclose(found.advantages, [2.9, 2.0])
    assert_allclose(found.targets, [2.0 + 6.9, 4.0])


def test_what_the_learning_policy_would_never_do_teaches_nothing_about_what_led_there() -> None:
    found = corrected(np.array([1.0, 100.0]), np.array([2.0, 3.0, 0.0]), np.array([1.0, 0.0]), lambda_=1.0)
    assert_allclose(found.advantages[0], 1.0 + 3.0 - 2.0)
    assert_allclose(found.targets[1], 3.0)


def test_the_critic_learns_the_values_of_the_policy_that_learns() -> None:
    """Two actions, rewards 1 and 0; served evenly, the learning policy takes the first with probability 0.9.

    4,000 one-step targets 0.9 + 1.8 · 0.1 or 0.9 − 0.2 · 0.9, evenly: standard deviation 0.18, so their mean is within
    0.012 of 0.9 but once in some 30,000 seeds.
    """
    first = np.random.default_rng(4).random(4000) < 0.5
    targets = [
        corrected(np.array([float(one)]), np.array([0.9, 0.0]), np.array([1.8 if one else 0.2]), lambda_=0.9).targets
        for one in first
    ]
    assert abs(np.mean(targets) - 0.9) < 0.012
