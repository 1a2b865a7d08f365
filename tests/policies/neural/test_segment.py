"""Segments: what follows each step, what it earned, and flat columns."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.neural.dense import Float32s
from policies.neural.returns import advantages
from policies.neural.segment import flat
from tests.policies.neural.segments import segment


def first(contexts: Float32s, histories: Float32s) -> Float32s:
    """A moment is worth its context's first coordinate."""
    return contexts[..., 0]


def test_values_go_on_with_the_same_user_where_an_episode_was_cut() -> None:
    """One step ahead, without rewards: the value of what was seen next, less that of now."""
    made = segment(n_steps=3, n_users=2, cut=((1, 0), (2, 1)))
    made.rewards[:] = 0.0
    made.contexts[..., 0], made.cut_contexts[:, 0] = np.arange(8).reshape(4, 2), (10.0, 20.0)
    found = made.earned(first, scale=1.0, lambda_=0.0, gamma=1.0)
    assert_array_equal(found.gains, [[2 - 0, 3 - 1], [10 - 2, 5 - 3], [6 - 4, 20 - 5]])
    assert_array_equal(found.returns, [[2, 3], [10, 5], [6, 20]])
    assert_array_equal(made.contexts[..., 0], np.arange(8).reshape(4, 2))


def test_an_episode_that_is_cut_may_be_over() -> None:
    made = segment(n_steps=2, n_users=1, cut=((0, 0),))
    over, on = (
        made.earned(first, scale=1.0, lambda_=0.5, gamma=0.9, beyond_cut=beyond).returns[0, 0]
        for beyond in (False, True)
    )
    assert over == pytest.approx(made.rewards[0, 0], abs=1e-6)
    assert on == pytest.approx(over + 0.9 * made.cut_contexts[0, 0], abs=1e-6)


def test_gains_are_advantages_of_scaled_rewards_and_returns_are_these_over_the_values() -> None:
    made = segment(n_steps=6, n_users=3, ended=((2, 1),))
    values = made.contexts[..., 0]
    expected = advantages(
        made.rewards / 4.0, values[:-1], values[1:], ended=made.ended, cut=made.cut, lambda_=0.8, gamma=0.9
    )
    gains, returns = made.earned(first, scale=4.0, lambda_=0.8, gamma=0.9)
    assert_allclose(gains, expected, rtol=1e-6)
    assert_allclose(returns, expected + values[:-1], rtol=1e-6)


def test_columns_are_flat_step_by_step() -> None:
    made = segment(n_steps=4, n_users=3)
    assert_array_equal(flat(made.shown)[2 * 3 + 1], made.shown[2, 1])
    assert_array_equal(flat(made.contexts[:-1])[1 * 3 + 2], made.contexts[1, 2])
    assert flat(made.rewards).shape == (made.n_steps,) == (12,)
    assert flat(np.zeros((4, 3, 0))).shape == (12, 0)
