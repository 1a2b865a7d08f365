"""One user's row against its closed form."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import DERIVED, N_LOOP_DERIVED, PolicyError
from policies.user_rates import N_USER_TAGS, USER_TAG_WEIGHT, USER_WEIGHT, UserRates

Showing = tuple[tuple[int, ...], float]


def observed(seed: int, n: int = 300) -> tuple[UserRates, list[Showing]]:
    dice = random.Random(seed)
    showings = [(tuple(dice.sample(range(12), dice.randrange(4))), dice.gauss(0.2, 0.5)) for _ in range(n)]
    row = UserRates()
    for tags, excess in showings:
        row.observe(tags, excess)
    return row, showings


def test_rates_equal_the_closed_form() -> None:
    row, showings = observed(1)
    rate = sum(excess for _, excess in showings) / (len(showings) + USER_WEIGHT)
    items = [(0, 3, 5), (7,), (2, 99), (), (98, 99)]
    for tags, found in zip(items, row.derive(items), strict=True):
        leanings, counts = [], []
        for tag in tags:
            own = [excess for of, excess in showings if tag in of]
            leanings.append(sum(excess - rate for excess in own) / (len(own) + USER_TAG_WEIGHT))
            counts.append(len(own))
        expected = (rate, 300, np.mean(leanings) if tags else 0.0, np.mean(counts) if tags else 0.0)
        assert_allclose(found, np.array(expected), rtol=1e-5, atol=1e-9)


def test_columns_are_float32_one_for_each_name() -> None:
    row, _ = observed(2)
    (found,) = row.derive([(1, 2)])
    assert len(found) == len(DERIVED) - N_LOOP_DERIVED
    assert all(np.float32(value) == value for value in found)


def test_a_new_user_is_as_one_unknown() -> None:
    assert UserRates().derive([(1,), ()]) == [(0.0, 0.0, 0.0, 0.0)] * 2
    assert UserRates().derive([]) == []


def test_saved_rows_go_on_as_if_never_saved() -> None:
    row, _ = observed(3)
    row.position = (17, 4)
    loaded = UserRates.from_bytes(row.to_bytes())
    for each in (row, loaded):
        each.observe((3, 50), 0.25)
    assert loaded.to_bytes() == row.to_bytes()
    assert loaded.position == (17, 4)


def test_the_tag_met_least_often_makes_way() -> None:
    row = UserRates()
    for tag in range(N_USER_TAGS):
        for _ in range(1 if tag in (7, 9) else 2):
            row.observe((tag,), 0.5)
    row.observe((1000,), 0.25)
    assert len(row.tags) == N_USER_TAGS
    assert 7 not in row.tags
    assert (row.tags[8], row.tags[9], row.tags[1000]) == ((2, 1.0), (1, 0.5), (1, 0.25))


def test_a_row_is_small() -> None:
    """64 tags of 8 bytes with a count and a float64 each."""
    row = UserRates()
    for number in range(5000):
        row.observe(tuple(2**63 + 977 * number + each for each in range(16)), 0.1)
    assert len(row.tags) == N_USER_TAGS
    assert len(row.to_bytes()) < 1600


@pytest.mark.parametrize("data", [b"x", b"\x95\x02\x92\x00\x00\x00\x00\x80", b"\x80"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="user's rates"):
        UserRates.from_bytes(data)


def test_an_excess_that_is_not_finite_is_refused() -> None:
    row = UserRates()
    with pytest.raises(PolicyError, match="finite"):
        row.observe((1,), float("nan"))
    assert row.n == 0
