"""The best slate: against all slates there are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.slateq.search import best, worth


def problem(n_users: int, n_candidates: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    weights = np.exp(dice.normal(size=(n_users, n_candidates)))
    return weights, dice.normal(size=(n_users, n_candidates)), dice.normal(size=n_users)


LOOKS = [(1.0,), (1.0, 1.0), (1.0, 0.6, 0.3), (0.5, 1.0), (0.3, 0.6, 1.0), (0.6, 1.0, 0.3), (1.0, 0.2, 1.0)]


@pytest.mark.parametrize("slots", LOOKS)
@pytest.mark.parametrize("seed", range(3))
def test_no_slate_is_worth_more(slots: tuple[float, ...], seed: int) -> None:
    looks = np.array(slots)
    weights, values, nothing = problem(40, 6, seed)
    slates, level = best(weights, values, nothing, looks)
    every = np.array(list(permutations(range(6), len(slots))))
    for user in range(40):
        rows = [np.repeat(array[user : user + 1], len(every), axis=0) for array in (weights, values, nothing)]
        assert_allclose(level[user], worth(*rows, slates=every, slots=looks).max(), rtol=1e-9)
    assert_allclose(worth(weights, values, nothing, slates=slates, slots=looks), level, rtol=1e-9)


def test_by_hand() -> None:
    """No click is worth 1, so an item of value 0.5 is shown only where a slot must be filled, and then a rare one."""
    weights, values = np.array([[3.0, 1.0, 0.1]]), np.array([[0.5, 2.0, 0.5]])
    slates, level = best(weights, values, np.array([1.0]), np.ones(2))
    assert_array_equal(slates, [[1, 2]])
    assert_allclose(level, (1.0 + 2.0 + 0.1 * 0.5) / (1.0 + 1.0 + 0.1))


def test_the_best_item_goes_where_users_look_most() -> None:
    weights, values = np.ones((1, 3)), np.array([[3.0, 1.0, 2.0]])
    assert_array_equal(best(weights, values, np.zeros(1), np.array([0.2, 1.0, 0.5]))[0], [[1, 0, 2]])


def test_ties_go_to_the_first() -> None:
    slates, _ = best(np.ones((1, 4)), np.zeros((1, 4)), np.zeros(1), np.ones(2))
    assert_array_equal(slates, [[0, 1]])
