"""The only dice, on distributions written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from policies.base import Distribution, Mask, PolicyError, Slot
from policies.sampling import (
    DistributionError,
    NothingEligible,
    Rules,
    checked,
    choose,
    choose_seen,
    propensities,
    uniform,
)

steady = settings(deadline=None, derandomize=True)

SLOTS = (Slot("top"), Slot("middle"), Slot("bottom"))


class Weighted:
    """Probability in proportion to fixed weights."""

    def __init__(self, *weights: float) -> None:
        self.weights = np.array(weights)
        self.n_actions = len(weights)
        self.seen: list[tuple[str, tuple[int, ...], list[bool]]] = []

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        self.seen.append((slot.id, tuple(chosen), eligible.tolist()))
        open_weights: Distribution = np.where(eligible, self.weights, 0.0)
        return open_weights / float(open_weights.sum())


class LooksAhead(Weighted):
    """Has other weights for slates of two."""

    def of_length(self, n_slots: int) -> Weighted:
        return Weighted(1.0, 4.0, 3.0) if n_slots == 2 else self


class Broken:
    """Answers whatever it was given."""

    def __init__(self, *answer: float) -> None:
        self.n_actions, self.answer = 3, np.array(answer)

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        return self.answer


def masks(*rows: str) -> list[Mask]:
    return [np.array([letter == "x" for letter in row]) for row in rows]


def test_uniform_is_splitmix64() -> None:
    # First outputs of the published generator seeded with 1234567, of which the top 53 bits are kept.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [uniform(1234567, n) for n in range(3)] == [(word >> 11) * 2.0**-53 for word in expected]


@steady
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32))
def test_uniform_stays_below_one(seed: int, n: int) -> None:
    assert 0.0 <= uniform(seed, n) < 1.0


def test_slots_are_filled_in_order_without_repeats() -> None:
    policy = Weighted(0.0, 5.0, 3.0, 0.0)
    slate = choose(policy, SLOTS[:2], seed=1)
    assert sorted(slate.chosen) == [1, 2]
    first, second = slate.chosen
    assert_allclose(slate.propensities, [policy.weights[first] / 8.0, 1.0], rtol=1e-12)
    assert policy.seen[0] == ("top", (), [True] * 4)
    assert policy.seen[1] == ("middle", (first,), [index != first for index in range(4)])
    assert second != first


def test_the_same_seed_gives_the_same_slate_and_others_differ() -> None:
    slates = [choose(Weighted(1, 2, 3, 4), SLOTS, seed).chosen for seed in range(40)]
    assert slates == [choose(Weighted(1, 2, 3, 4), SLOTS, seed).chosen for seed in range(40)]
    assert len(set(slates)) > 10


def test_what_is_seen_is_what_the_first_slot_was_drawn_by() -> None:
    mask = np.array([True, True, False, True])
    rules = Rules(0.2, [mask, mask])
    for seed in range(50):
        slate, likely = choose_seen(Weighted(5.0, 3.0, 9.0, 2.0), SLOTS[:2], seed, rules)
        assert slate == choose(Weighted(5.0, 3.0, 9.0, 2.0), SLOTS[:2], seed, rules)
        assert_allclose(likely, [0.4 + 0.2 / 3, 0.24 + 0.2 / 3, 0.0, 0.16 + 0.2 / 3])
        assert slate.propensities[0] == likely[slate.chosen[0]]


def test_a_policy_that_looks_ahead_is_told_how_long_the_slate_is() -> None:
    """By whoever draws, and by whoever asks afterwards; slates of another length go on as before."""
    request = LooksAhead(1.0, 0.0, 0.0)
    for seed in range(20):
        slate, seen = choose_seen(request, SLOTS[:2], seed)
        assert_allclose(seen, [0.125, 0.5, 0.375])
        assert choose(request, SLOTS[:2], seed) == slate
        assert_allclose(propensities(request, SLOTS[:2], slate.chosen), slate.propensities, rtol=1e-12)
    assert choose(request, SLOTS[:1], 0).chosen == (0,)


def test_the_floor_is_mixed_in_over_the_eligible_after_the_mask() -> None:
    rules = Rules(floor=0.3, eligible=masks("xx.x", ".xxx"))
    found = propensities(Weighted(6, 1, 1, 2), SLOTS[:2], (3, 1), rules)
    # Slot 0: weights 6, 1, 2 of 9 over three actions. Slot 1: actions 1 and 2 are left, weights 1 and 1.
    assert_allclose(found, [0.7 * 2 / 9 + 0.1, 0.7 * 1 / 2 + 0.15], rtol=1e-12)


def test_a_single_eligible_action_gets_one_whatever_the_floor() -> None:
    for floor in np.linspace(0.0, 1.0, 101):
        assert choose(Weighted(1, 1), SLOTS[:1], 3, Rules(float(floor), masks(".x"))).propensities[0] <= 1.0
        assert_allclose(choose(Weighted(1, 1), SLOTS[:1], 3, Rules(float(floor), masks(".x"))).propensities, [1.0])


def test_what_is_forbidden_has_propensity_zero() -> None:
    found = propensities(Weighted(1, 1, 2), SLOTS[:2], (0, 1), Rules(0.1, masks(".xx", "xxx")))
    assert found[0] == 0.0
    assert found[1] > 0.0


@steady
@given(
    st.lists(st.floats(0.01, 10.0), min_size=3, max_size=12),
    st.integers(0, 2**64 - 1),
    st.floats(0.0, 1.0),
    st.data(),
)
def test_choose_and_propensities_agree(weights: list[float], seed: int, floor: float, data: st.DataObject) -> None:
    n = len(weights)
    rows = [data.draw(st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda r: sum(r) >= 3)) for _ in SLOTS]
    rules = Rules(floor, [np.array(row) for row in rows])
    slate = choose(Weighted(*weights), SLOTS, seed, rules)
    assert all(rows[number][index] for number, index in enumerate(slate.chosen))
    assert_allclose(propensities(Weighted(*weights), SLOTS, slate.chosen, rules), slate.propensities, rtol=0, atol=1e-9)
    assert all(0.0 < value <= 1.0 for value in slate.propensities)


def test_a_slot_left_with_nothing_names_its_number() -> None:
    with pytest.raises(NothingEligible) as caught:
        choose(Weighted(1, 1), SLOTS, 0)
    assert caught.value.slot == 2
    with pytest.raises(NothingEligible, match="slot 1 "):
        choose(Weighted(1, 1, 1), SLOTS, 0, Rules(eligible=masks("x..", "x..", "xxx")))


def test_float32_answers_are_renormalised() -> None:
    policy = Broken(*(np.array([0.1, 0.2, 0.7], dtype=np.float32) * 1.0005).tolist())
    total = sum(propensities(policy, SLOTS[:1], (index,))[0] for index in range(3))
    assert_allclose(total, 1.0, atol=1e-12)
    assert_allclose(checked(policy.answer, np.ones(3, dtype=np.bool_)).sum(), 1.0, atol=1e-12)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((0.5, 0.5, 0.01), "sums to"),
        ((0.0, 0.0, 0.0), "sums to"),
        ((float("nan"), 0.5, 0.5), "sums to"),
        ((float("inf"), 0.0, 0.0), "sums to"),
        ((-0.5, 1.0, 0.5), "negative"),
        ((0.5, 0.5), "shape"),
    ],
)
def test_what_is_no_distribution_is_refused(answer: tuple[float, ...], why: str) -> None:
    with pytest.raises(DistributionError, match=why):
        choose(Broken(*answer), SLOTS[:1], 0)


def test_mass_outside_the_mask_is_refused() -> None:
    with pytest.raises(DistributionError, match="not eligible"):
        choose(Broken(0.5, 0.25, 0.25), SLOTS[:1], 0, Rules(eligible=masks("xx.")))


@pytest.mark.parametrize("chosen", [(0,), (0, 0), (0, 3), (-1, 0)])
def test_a_slate_that_is_none_is_refused(chosen: tuple[int, ...]) -> None:
    with pytest.raises(PolicyError, match="chosen="):
        propensities(Weighted(1, 1, 1), SLOTS[:2], chosen)


@pytest.mark.parametrize("floor", [-0.1, 1.1, float("nan")])
def test_a_floor_outside_its_range_is_refused(floor: float) -> None:
    with pytest.raises(PolicyError, match="floor="):
        Rules(floor=floor)


def test_masks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PolicyError, match="one for each of 2 slots"):
        choose(Weighted(1, 1, 1), SLOTS[:2], 0, Rules(eligible=masks("xxx")))
    with pytest.raises(PolicyError, match="shape"):
        choose(Weighted(1, 1, 1), SLOTS[:1], 0, Rules(eligible=masks("xx")))
