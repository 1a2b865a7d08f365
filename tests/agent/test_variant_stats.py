from __future__ import annotations

import math
import random

import pytest

from agent.variant_stats import Z_95, VariantSums


def sums(*decisions: tuple[float, int]) -> VariantSums:
    result = VariantSums()
    for reward, n_slots in decisions:
        result.add(reward, n_slots)
    return result


def test_one_slot_each_is_the_mean_and_its_standard_error() -> None:
    """Rewards 1, 0, 1, 0: mean 1/2, sample variance 1/3, standard error sqrt(1/12)."""
    arm = sums((1, 1), (0, 1), (1, 1), (0, 1))
    assert arm.reward_per_slot() == 0.5
    low, high = arm.interval_95() or (0, 0)
    assert (low, high) == pytest.approx((0.5 - Z_95 * math.sqrt(1 / 12), 0.5 + Z_95 * math.sqrt(1 / 12)))


def test_slates_of_different_length_make_a_ratio_of_means() -> None:
    """r = 2, 1 over m = 3, 1: R = 3/4; residuals 2 - 9/4, 1 - 3/4: squares sum to 1/8; variance 1/8 · 2/16 = 1/64."""
    arm = sums((2, 3), (1, 1))
    assert arm.reward_per_slot() == 0.75
    assert arm.interval_95() == pytest.approx((0.75 - Z_95 / 8, 0.75 + Z_95 / 8))


def test_too_little_is_no_estimate() -> None:
    assert (VariantSums().reward_per_slot(), VariantSums().interval_95()) == (None, None)
    assert (sums((1, 1)).reward_per_slot(), sums((1, 1)).interval_95()) == (1.0, None)
    assert sums((1, 1)).lift_over(sums((1, 1), (0, 1))) is None
    assert sums((1, 1), (0, 1)).lift_over(sums((0, 1), (0, 1))) is None
    assert sums((1, 1), (0, 1)).lift_over(sums((-1, 1), (0, 1))) is None


def test_lift_by_hand() -> None:
    """Mean 3/4 with variance 1/16 over 1/2 with variance 1/12: ratio 3/2, variance (1/16 + 9/4 · 1/12) · 4 = 1."""
    lift = sums((1, 1), (1, 1), (1, 1), (0, 1)).lift_over(sums((1, 1), (0, 1), (1, 1), (0, 1)))
    assert lift == pytest.approx((0.5, 0.5 - Z_95, 0.5 + Z_95))


def test_an_arm_without_reward_has_a_lift_of_minus_one() -> None:
    lift = sums((0, 1), (0, 1)).lift_over(sums((1, 1), (0, 1)))
    assert lift == pytest.approx((-1.0, -1.0, -1.0))


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
