"""Factors and inverses against what they stand for, of one matrix and of many."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import PolicyError
from policies.factors import factors, half_log_det, inverse


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (33, 33), (130, 130), (4, 7, 7), (0, 3, 3), (0, 0)])
def test_factors_and_inverses_of_positive_matrices(shape: tuple[int, ...]) -> None:
    rows = np.random.default_rng(1).normal(size=shape)
    matrices = rows @ np.swapaxes(rows, -1, -2) + np.eye(shape[-1])
    lower = factors(matrices)
    assert_allclose(lower @ np.swapaxes(lower, -1, -2), matrices, atol=1e-9)
    assert_allclose(inverse(lower) @ lower, np.broadcast_to(np.eye(shape[-1]), shape), atol=1e-9)
    assert_allclose(half_log_det(lower), np.linalg.slogdet(matrices)[1].sum() / 2, atol=1e-9)


def test_only_what_is_on_and_below_the_diagonal_is_read() -> None:
    rows = np.random.default_rng(2).normal(size=(6, 6))
    matrix = rows @ rows.T + np.eye(6)
    assert_allclose(factors(np.tril(matrix)), factors(matrix), atol=0.0)


def test_the_last_digits_are_made_up_for_and_no_more() -> None:
    ones = np.ones((3, 3))
    lower = factors(ones)
    assert_allclose(lower @ lower.T, ones, atol=1e-9)
    with pytest.raises(PolicyError, match="larger prior_weight"):
        factors(-ones)
