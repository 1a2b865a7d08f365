"""Each explorer by hand, and what all of them owe: a distribution, alike for what is believed alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from policies import explorers
from policies.ridge import Array

ALL: dict[str, Callable[[Array], Array]] = {
    "frequencies": lambda expected: explorers.frequencies(expected[:, None] + np.zeros((len(expected), 5))),
    "greedy": lambda expected: explorers.greedy(expected, 0.1),
    "softmax": lambda expected: explorers.softmax(expected, 20.0),
    "squarecb": lambda expected: explorers.squarecb(expected, 100.0),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("values", [[0.3], [0.5, 0.5, 0.2], [0.1] * 6, [1e9, -1e9], [0.0, 1e-9, 0.7, 0.7]])
def test_a_distribution_that_prefers_the_best_and_splits_ties(name: str, values: list[float]) -> None:
    found, expected = ALL[name](np.array(values)), np.array(values)
    assert_allclose(found.sum(), 1.0, atol=1e-12)
    assert np.all(found >= 0.0)
    for value in set(values):
        assert len(set(found[expected == value].round(15).tolist())) == 1
    assert found[expected.argmax()] == found.max()


def test_squarecb_by_hand() -> None:
    """gamma 10, gaps 0, 0.1, 0.5: 1 / (3 + 1), 1 / (3 + 5), the best gets the rest."""
    assert_allclose(explorers.squarecb(np.array([0.4, 0.5, 0.0]), 10.0), [0.25, 0.625, 0.125])


def test_softmax_and_greedy_by_hand() -> None:
    assert_allclose(explorers.softmax(np.array([0.0, np.log(3.0)]), 1.0), [0.25, 0.75])
    assert_allclose(explorers.greedy(np.array([0.1, 0.9]), 0.2), [0.1, 0.9])


def test_frequencies_share_ties_of_a_draw() -> None:
    values = np.array([[1.0, 0.0, 2.0], [1.0, 3.0, 0.0], [0.0, 0.0, 2.0]])
    assert_allclose(explorers.frequencies(values), [1 / 3, 1 / 2, 1 / 6])


def test_levels_of_optimism_are_a_half_normal() -> None:
    levels = explorers.optimism(64)
    assert stats.kstest(levels, stats.halfnorm.cdf).statistic <= 0.5 / 64 + 1e-9
    assert_array_equal(levels, np.sort(levels))
    assert levels[0] > 0.0
