from __future__ import annotations

import math
import random

import pytest

from agent.variant_stats import N_ENOUGH, Z_95, VariantSums


def sums(*decisions: tuple[float, int]) -> VariantSums:
    result = VariantSums()
    for reward, n_slots in decisions:
        result.add(reward, n_slots)
    return result


def test_one_slot_each_is_the_mean_and_its_standard_error() -> None:
    """Twenty times 1, 0: mean 1/2, sample variance 10/39, standard error sqrt(10/39 / 40) = sqrt(1/156)."""
    arm = sums(*[(1, 1), (0, 1)] * 20)
    assert arm.reward_per_slot() == 0.5
    low, high = arm.interval_95() or (0, 0)
    assert (low, high) == pytest.approx((0.5 - Z_95 * math.sqrt(1 / 156), 0.5 + Z_95 * math.sqrt(1 / 156)))


def test_slates_of_different_length_make_a_ratio_of_means() -> None:
    """Twenty times r = 2, 1 over m = 3, 1: R = 3/4; residuals 2 - 9/4, 1 - 3/4, whose squares sum to 20/8.

    The mean m is 2, so the variance is 20/8 / 39 / 40 / 2² = 1/2496.
    """
    arm = sums(*[(2, 3), (1, 1)] * 20)
    assert arm.reward_per_slot() == 0.75
    half = Z_95 / math.sqrt(2496)
    assert arm.interval_95() == pytest.approx((0.75 - half, 0.75 + half))


def test_too_little_is_no_estimate() -> None:
    assert (VariantSums().reward_per_slot(), VariantSums().interval_95()) == (None, None)
    assert (sums((1, 1)).reward_per_slot(), sums((1, 1)).interval_95()) == (1.0, None)


def test_thirty_decisions_are_enough_and_fewer_are_not() -> None:
    enough = sums(*[(1, 1), (0, 1)] * (N_ENOUGH // 2))
    few = sums(*[(1, 1), (0, 1)] * (N_ENOUGH // 2 - 1), (1, 1))
    assert (enough.n_decisions, few.n_decisions) == (30, 29)
    assert enough.interval_95() is not None
    assert enough.lift_over(enough) is not None
    assert few.interval_95() is None
    assert few.lift_over(enough) is None
    assert enough.lift_over(few) is None


@pytest.mark.parametrize("same", [[(0.1, 1)] * 50_000, [(0.0, 3)] * 100, [(0.1, 1), (0.3, 3)] * 5000])
def test_what_always_earns_the_same_is_not_certain(same: list[tuple[float, int]]) -> None:
    """Its spread isn't zero but unknown, however many there are; rounding in the sums doesn't change that."""
    varied, constant = sums(*[(1, 1), (0, 1)] * 50), sums(*same)
    assert constant.interval_95() is None
    assert constant.lift_over(varied) is None
    assert varied.lift_over(constant) is None


def test_one_decision_that_differs_is_a_spread() -> None:
    assert sums(*[(1.0, 1)] * 100_000, (0.0, 1)).interval_95() is not None
    assert sums(*[(0.0, 1)] * 100_000, (1.0, 1)).interval_95() is not None


def test_nothing_is_relative_to_a_control_that_earns_nothing() -> None:
    varied, losing, even = (sums(*[(first, 1), (second, 1)] * 20) for first, second in ((1, 0), (-1, 0), (1, -1)))
    assert losing.interval_95() is not None
    assert varied.lift_over(losing) is None
    assert varied.lift_over(even) is None


def test_lift_by_hand() -> None:
    """Ten times 1, 1, 1, 0 over ten times 1, 0, 1, 0.

    Mean 3/4 with variance 30/4 / 39 / 40 = 3/624 over 1/2 with variance 1/156 = 4/624: ratio 3/2, variance
    (3 + 9/4 · 4) / 624 · 4 = 1/13.
    """
    lift = sums(*[(1, 1), (1, 1), (1, 1), (0, 1)] * 10).lift_over(sums(*[(1, 1), (0, 1), (1, 1), (0, 1)] * 10))
    half = Z_95 / math.sqrt(13)
    assert lift == pytest.approx((0.5, 0.5 - half, 0.5 + half))


def test_merged_sums_are_sums_over_both() -> None:
    first, second = [(1.0, 2), (0.5, 1)], [(2.0, 3)]
    assert sums(*first).merged(sums(*second)) == sums(*first, *second)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """400 experiments of 200 decisions: the share covered has standard deviation 1.1 %; four of these are allowed."""
    dice = random.Random(5)
    covered = covered_lift = 0
    for _ in range(400):
        arm, control = (experiment(dice, rate) for rate in (0.3, 0.2))
        low, high = arm.interval_95() or (0, 0)
        covered += low <= 0.3 <= high
        lift = arm.lift_over(control)
        covered_lift += lift is not None and lift.low <= 0.5 <= lift.high
    assert abs(covered / 400 - 0.95) < 0.044
    assert abs(covered_lift / 400 - 0.95) < 0.044


def experiment(dice: random.Random, rate: float) -> VariantSums:
    arm = VariantSums()
    for _ in range(200):
        n_slots = dice.choice([1, 3])
        arm.add(sum(dice.random() < rate for _ in range(n_slots)), n_slots)
    return arm
