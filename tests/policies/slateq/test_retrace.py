"""Corrected returns, by hand."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from policies.slateq.retrace import retraced, shown_chances


def floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_one_step_trusts_what_comes_after() -> None:
    found = retraced(floats(1, 2), floats(9, 9), floats(5, 0), floats(1, 1), lambda_=0.0, gamma=0.5)
    assert_allclose(found, [3.5, 2.0])


def test_on_the_best_slates_path_it_is_the_sum_of_rewards() -> None:
    """Where V is what is believed of the clicks themselves, λ = 1 leaves nothing but rewards."""
    found = retraced(floats(1, 2, 4), floats(7, 8, 9), floats(8, 9, 0), floats(1, 1, 1), lambda_=1.0, gamma=1.0)
    assert_allclose(found, [7.0, 6.0, 4.0])


def test_a_click_that_the_best_slate_would_not_bring_ends_the_trace_before_it() -> None:
    """δ = (1 + 8 − 7, 2 + 9 − 6, 4 − 9) = (2, 5, −5); u = (2 + 0.5 · u₁, 5, −5) with u₁ = 5 + 0 · u₂."""
    found = retraced(floats(1, 2, 4), floats(7, 6, 9), floats(8, 9, 0), floats(1, 0.5, 0), lambda_=1.0, gamma=1.0)
    assert_allclose(found, [7 + 4.5, 6 + 5, 9 - 5])


def test_how_likely_an_item_was_shown() -> None:
    """Exact for one slot; two slots drawn uniformly from ten show an item with chance 0.2."""
    one = np.array([1, 1])
    assert_allclose(shown_chances(np.array([[0.25], [1.0]]), one), [[0.25], [1.0]], rtol=1e-6)
    assert_allclose(shown_chances(np.array([[0.1, 1 / 9]]), np.array([2])), [[0.2, 0.2]], rtol=0.06)
