"""Running rates of items and tags against their closed forms."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import DERIVED, N_LOOP_DERIVED, PolicyError
from policies.rates import PRIOR_WEIGHT, ItemRates

Showing = tuple[str, float]


def tags_of(item: str) -> tuple[int, ...]:
    """None, one or two of five."""
    number = int(item[1:])
    return tuple({number % 5, number % 3})[: number % 3]


def observed(seed: int, n: int = 2000, *, tagged: bool = False) -> tuple[ItemRates, list[Showing]]:
    """Items shown unequally often, with rates of their own and rewards that vary."""
    dice = random.Random(seed)
    showings = []
    for _ in range(n):
        number = min(dice.randrange(30), dice.randrange(30))
        showings.append((f"i{number}", dice.gauss(number / 10, 1.0)))
    rates = ItemRates()
    for at, (item, reward) in enumerate(showings):
        rates.observe(item, reward, tags_of(item) if tagged else (), 1000 * at)
    return rates, showings


def mean_of(showings: list[Showing]) -> float:
    return float(np.mean([reward for _, reward in showings]))


def test_rates_equal_the_closed_form() -> None:
    rates, showings = observed(1)
    mean = mean_of(showings)
    for item in {item for item, _ in showings}:
        own = [reward for other, reward in showings if other == item]
        expected = (sum(own) + PRIOR_WEIGHT * mean) / (len(own) + PRIOR_WEIGHT)
        assert_allclose(np.array(rates.derive(item)[:2]), np.array([expected, len(own)]), rtol=1e-6)
    assert len({rates.derive(item) for item, _ in showings}) > 20


def test_rates_of_tagged_items_lean_on_their_tags_and_those_on_the_mean() -> None:
    rates, showings = observed(1, tagged=True)
    mean = mean_of(showings)
    n_tagged = 0
    for item in {item for item, _ in showings}:
        own = [reward for other, reward in showings if other == item]
        tag_rates = []
        for tag in tags_of(item):
            of_tag = [reward for other, reward in showings if tag in tags_of(other)]
            tag_rates.append((sum(of_tag) + PRIOR_WEIGHT * mean) / (len(of_tag) + PRIOR_WEIGHT))
        tag_rate = float(np.mean(tag_rates)) if tag_rates else mean
        rate = (sum(own) + PRIOR_WEIGHT * tag_rate) / (len(own) + PRIOR_WEIGHT)
        found = rates.derive(item, tags_of(item))
        assert_allclose(np.array([found[0], found[3]]), np.array([rate, tag_rate]), rtol=1e-6)
        n_tagged += bool(tag_rates)
    assert n_tagged > 10


def test_an_unknown_item_gets_its_tags_rate_or_the_overall_mean_and_is_not_remembered() -> None:
    rates, showings = observed(2, tagged=True)
    before = rates.to_bytes()
    rate, n, age_h, tag_rate = rates.derive("new")[:N_LOOP_DERIVED]
    assert (n, age_h) == (0.0, 0.0)
    assert rate == tag_rate
    assert_allclose(rate, mean_of(showings), rtol=1e-6)
    tagged = rates.derive("new", tags_of("i28"))
    assert tagged[0] == tagged[3] > rate
    assert rates.derive("new", (987654321,))[:N_LOOP_DERIVED] == (rate, 0.0, 0.0, rate)
    assert rates.to_bytes() == before
    assert len(rates) == len({item for item, _ in showings})


def test_nothing_known_is_nothing_derived() -> None:
    assert ItemRates().derive("a") == ()
    assert ItemRates().mean is None
    assert ItemRates.from_bytes(b"").derive("a", (1,)) == ()


def test_age_is_hours_from_an_items_first_showing_to_the_newest_of_any() -> None:
    rates = ItemRates()
    rates.observe("a", 1.0, at_ms=3_600_000)
    rates.observe("b", 1.0, at_ms=5_400_000)
    rates.observe("a", 1.0, at_ms=7_200_000)
    assert [rates.derive(item)[2] for item in ("a", "b", "new")] == [1.0, 0.5, 0.0]


def test_an_observation_moves_every_item() -> None:
    rates, _ = observed(3)
    rate, n = rates.derive("i1")[:2]
    rates.observe("i2", 1e6)
    moved, same_n = rates.derive("i1")[:2]
    assert moved > rate
    assert same_n == n
    assert len(rates.derive("i1")) == len(DERIVED)


def test_derived_values_are_float32_and_say_nothing_of_a_user() -> None:
    rates, showings = observed(4, tagged=True)
    for item, _ in showings:
        found = rates.derive(item, tags_of(item))
        assert all(np.float32(value) == value for value in found)
        assert found[N_LOOP_DERIVED:] == (0.0,) * 4


def test_what_was_shown_longest_ago_is_forgotten_first() -> None:
    rates = ItemRates(n_items=2, n_tags=3)
    for at, item in enumerate(("a", "b", "a", "c")):
        rates.observe(item, 1.0, (ord(item), ord(item) + 100), at)
    assert [rates.derive(item)[1] for item in ("a", "b", "c")] == [2.0, 0.0, 1.0]
    assert len(rates) == 2
    assert len(msgspec.msgpack.decode(rates.to_bytes())[6]) == 3


@pytest.mark.parametrize("seed", [5, 6])
def test_saved_rates_go_on_as_if_never_saved(seed: int) -> None:
    """The order in which things are forgotten is saved too."""
    rates, _ = observed(seed, tagged=True)
    loaded = ItemRates.from_bytes(rates.to_bytes())
    for each in (rates, loaded):
        each._n_items, each._n_tags = 20, 4
        each.observe("i3", 0.1, (1, 2, 77), 5)
        each.observe("new", 0.7, (), 5_000_000)
    assert loaded.to_bytes() == rates.to_bytes()
    assert loaded.derive("i3", (1,)) == rates.derive("i3", (1,))
    assert len(loaded) == 20


def test_rates_of_the_release_before_are_read() -> None:
    old = msgspec.msgpack.encode((1, 10.0, 1.5, 3, [("a", 1.0, 2), ("b", 0.5, 1)]))
    rates = ItemRates.from_bytes(old)
    assert_allclose(rates.derive("a")[:N_LOOP_DERIVED], (6.0 / 12.0, 2.0, 0.0, 0.5))
    assert rates.mean == 0.5


@pytest.mark.parametrize("data", [b"x", b"\x95\x03\x01\x01\x01\x90", b"\x90"])
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
