"""Segments as flat steps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import PolicyError
from policies.neural.dense import Float32s
from policies.slateq.options import parse
from policies.slateq.steps import flat_steps, outcomes
from tests.policies.neural.segments import segment


def first(contexts: Float32s, histories: Float32s) -> Float32s:
    """A moment is worth its context's first coordinate."""
    return contexts[..., 0]


def test_rows_are_steps_of_users_in_order() -> None:
    made = segment(n_steps=4, n_users=3)
    found = flat_steps(made, first, parse({"trace": 0.0}), scale=2.0)
    assert {len(column) for column in found.values()} == {12}
    assert_array_equal(found["contexts"][3 + 1], made.contexts[1, 1])
    assert_array_equal(found["shown"][2 * 3 + 2], made.shown[2, 2])
    values = made.contexts[..., 0]
    assert_allclose(found["gains"], (made.rewards / 2.0 + values[1:] - values[:-1]).ravel(), rtol=1e-5, atol=1e-6)
    assert_allclose(found["returns"], found["gains"] + values[:-1].ravel(), rtol=1e-5, atol=1e-6)


def test_an_episode_that_is_cut_is_over_unless_said_otherwise() -> None:
    made = segment(n_steps=2, n_users=1, cut=((0, 0),))
    over, on = (
        flat_steps(made, first, parse({"beyond_cut": beyond}), scale=1.0)["gains"][0] for beyond in (False, True)
    )
    assert over == pytest.approx(made.rewards[0, 0] - made.contexts[0, 0, 0], abs=1e-6)
    assert on == pytest.approx(over + made.cut_contexts[0, 0], abs=1e-6)


def test_outcomes_share_the_clicks() -> None:
    clicks = np.array([[True, False], [True, True], [False, False]])
    assert_array_equal(outcomes(clicks), [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_reward_that_is_not_finite_is_refused(bad: float) -> None:
    made = segment()
    made.rewards[1, 1] = bad
    with pytest.raises(PolicyError, match=rf"rewards\[1, 1\]={bad}: must be finite"):
        flat_steps(made, first, parse({}), scale=1.0)
