"""Attraction: scores into chances."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from envs.attraction import Exponential, Logistic, Proportional
from envs.world import WorldError

SCORES = np.array([[0.0, 1.0], [0.5, -1.0]])


def test_exponential() -> None:
    assert_allclose(Exponential(0.3)(SCORES), 0.3 * np.exp(SCORES))


def test_proportional() -> None:
    assert_allclose(Proportional(0.25, min_normalizer=-1.0)(SCORES), [[0.25, 0.5], [0.375, 0.0]])


def test_logistic() -> None:
    assert_allclose(Logistic(bias=-0.5)(SCORES), 1.0 / (1.0 + np.exp(0.5 - SCORES)))
    assert_allclose(Logistic()(np.array([[-1e4, 1e4]])), [[0.0, 1.0]])


def test_a_certain_click_may_be_off_by_rounding() -> None:
    assert Proportional(1.0)(np.array([[1.0 + 1e-12]])) == 1.0


@pytest.mark.parametrize(
    ("attraction", "score", "message"),
    [
        (Exponential(1.0), 0.1, r"score_scaling \* exp\(score\) is 1\.10517 and must be a chance in \[0, 1\]"),
        (Proportional(0.5), 2.2, r"score_scaling \* \(score - min_normalizer\) is 1\.1 and must be"),
        (Proportional(0.5), -0.2, r"is -0\.1 and must be a chance"),
        (Proportional(0.5), np.nan, "is nan and must be a chance"),
    ],
)
def test_what_is_no_chance_is_refused(attraction: Exponential | Proportional, score: float, message: str) -> None:
    with pytest.raises(WorldError, match=message):
        attraction(np.array([[0.0, score]]))


@pytest.mark.parametrize("scaling", [0.0, -1.0, np.inf, np.nan])
def test_a_scaling_is_positive(scaling: float) -> None:
    with pytest.raises(WorldError, match="score_scaling="):
        Exponential(scaling)
    with pytest.raises(WorldError, match="score_scaling="):
        Proportional(scaling)
