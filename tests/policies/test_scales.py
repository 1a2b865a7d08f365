"""Running mean and spread against closed forms on varying data, and what scaling makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.scales import FARTHEST, Scales


def seen(values: np.ndarray[tuple[int, int], np.dtype[np.float64]], per_call: int = 1) -> Scales:
    found = Scales(values.shape[1])
    for start in range(0, len(values), per_call):
        found.observe(np.arange(values.shape[1]), values[start : start + per_call])
    found.refresh(len(values))
    return found


@pytest.mark.parametrize("per_call", [1, 3, 1000])
def test_scaled_values_have_mean_0_and_spread_1_whatever_their_unit(per_call: int) -> None:
    values = np.random.default_rng(1).normal(size=(1000, 4)) * [1e-6, 1.0, 1e9, 3.0] + [0.0, 1e4, -1e12, 7.0]
    found = seen(values, per_call)
    assert_allclose(found.shift, values.mean(axis=0), rtol=1e-9, atol=1e-12)
    assert_allclose(1.0 / found.gain, values.std(axis=0), rtol=1e-7)
    assert_allclose(found.scaled(values).mean(axis=0), 0.0, atol=1e-6)


def test_what_is_rare_keeps_its_zero() -> None:
    found = Scales(2)
    for number in range(100):
        found.observe(np.array([0]), np.array([[5.0 + number % 3]]))
        if number % 10 == 0:
            found.observe(np.array([1]), np.array([[5.0 + number % 3]]))
    found.refresh(100)
    assert_array_equal(found.usual, [True, False])
    assert found.shift[0] > 5.0
    assert found.shift[1] == 0.0
    assert_allclose(1.0 / found.gain[1], np.sqrt(np.mean([(5.0 + n % 3) ** 2 for n in range(0, 100, 10)])))


def test_scaling_moves_only_when_it_is_refreshed() -> None:
    found = seen(np.array([[1.0], [3.0]]))
    before = found.scaled(np.array([[2.5]]))
    found.observe(np.array([0]), np.array([[1000.0]]))
    assert_array_equal(found.scaled(np.array([[2.5]])), before)
    found.refresh(3)
    assert found.scaled(np.array([[2.5]])) < before


def test_what_never_varied_is_0_and_what_is_absurd_is_cut() -> None:
    found = seen(np.array([[4.0, 1.0], [4.0, 2.0], [4.0, 3.0]]))
    assert_array_equal(found.scaled(np.array([[4.0, 1e18], [9.0, -1e18]])), [[0.0, FARTHEST], [0.0, -FARTHEST]])


def test_bytes_bring_it_all_back() -> None:
    found = seen(np.random.default_rng(2).normal(size=(20, 3)))
    again = Scales.from_bytes(found.to_bytes(), 3)
    for each in (found, again):
        each.observe(np.array([0, 2]), np.array([[9.0, 8.0]]))
    assert again.to_bytes() == found.to_bytes()
