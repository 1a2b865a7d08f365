"""Running item rates against their closed form."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import DERIVED, PolicyError
from policies.rates import PRIOR_WEIGHT, ItemRates


def observed(seed: int, n: int = 2000) -> tuple[ItemRates, list[tuple[str, float]]]:
    """Items shown unequally often, with rates of their own and rewards that vary."""
    dice = random.Random(seed)
    showings = []
    for _ in range(n):
        number = min(dice.randrange(30), dice.randrange(30))
        showings.append((f"i{number}", dice.gauss(number / 10, 1.0)))
    rates = ItemRates()
    for item, reward in showings:
        rates.observe(item, reward)
    return rates, showings


def test_rates_equal_the_closed_form() -> None:
    rates, showings = observed(1)
    mean = np.mean([reward for _, reward in showings])
    for item in {item for item, _ in showings}:
        own = [reward for other, reward in showings if other == item]
        expected = (sum(own) + PRIOR_WEIGHT * mean) / (len(own) + PRIOR_WEIGHT)
        assert_allclose(np.array(rates.derive(item)), np.array([expected, len(own)]), rtol=1e-6)
    assert len({rates.derive(item) for item, _ in showings}) > 20


def test_an_unknown_item_gets_the_overall_mean_and_is_not_remembered() -> None:
    rates, showings = observed(2)
    before = rates.to_bytes()
    rate, n = rates.derive("new")
    assert n == 0.0
    assert_allclose(rate, np.mean([reward for _, reward in showings]), rtol=1e-6)
    assert rates.to_bytes() == before
    assert len(rates) == len({item for item, _ in showings})


def test_nothing_known_is_nothing_derived() -> None:
    assert ItemRates().derive("a") == ()
    assert ItemRates.from_bytes(b"").derive("a") == ()


def test_an_observation_moves_every_item() -> None:
    rates, _ = observed(3)
    rate, n = rates.derive("i1")
    rates.observe("i2", 1e6)
    moved, same_n = rates.derive("i1")
    assert moved > rate
    assert same_n == n
    assert len(rates.derive("i1")) == len(DERIVED)


def test_derived_values_are_float32() -> None:
    rates, showings = observed(4)
    for item, _ in showings:
        assert all(np.float32(value) == value for value in rates.derive(item))


def test_bytes_are_alike_for_alike_items_in_any_order_of_first_showing() -> None:
    one, other = ItemRates(), ItemRates()
    for item in ("b", "a", "c"):
        one.observe(item, 0.5)
    for item in ("c", "b", "a"):
        other.observe(item, 0.5)
    assert one.to_bytes() == other.to_bytes()


def test_saved_rates_go_on_as_if_never_saved() -> None:
    rates, _ = observed(5)
    loaded = ItemRates.from_bytes(rates.to_bytes())
    for each in (rates, loaded):
        each.observe("i3", 0.1)
        each.observe("new", 0.7)
    assert loaded.to_bytes() == rates.to_bytes()
    assert loaded.derive("i3") == rates.derive("i3")


@pytest.mark.parametrize("data", [b"x", b"\x95\x02\x01\x01\x01\x90", b"\x90"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="item rates"):
        ItemRates.from_bytes(data)


@pytest.mark.parametrize("reward", [float("nan"), float("inf")])
def test_a_reward_that_is_not_finite_is_refused(reward: float) -> None:
    rates = ItemRates()
    with pytest.raises(PolicyError, match="must be finite"):
        rates.observe("a", reward)
    assert rates.derive("a") == ()


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf")])
def test_a_prior_without_weight_is_refused(weight: float) -> None:
    with pytest.raises(PolicyError, match="prior_weight"):
        ItemRates(weight)
