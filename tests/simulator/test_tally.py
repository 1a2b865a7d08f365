from __future__ import annotations

import math

import numpy as np
import pytest

from simulator.tally import ArmSums, Tally
from simulator.traffic import Outcome


def test_sums_equal_closed_forms_on_varying_data() -> None:
    rng = np.random.default_rng(5)
    rewards = rng.random((200, 3))
    expected = rng.random(200) * 0.5 + 0.1
    sums = ArmSums()
    for row, one in zip(rewards, expected, strict=True):
        sums.add(tuple(row), float(one))
    means = rewards.mean(axis=1)
    assert sums.n_slots == 600
    assert sums.reward_per_slot == pytest.approx(means.mean())
    assert sums.lift == pytest.approx(means.mean() / expected.mean() - 1)
    half = 1.959964 * means.std(ddof=1) / math.sqrt(200)
    assert sums.reward_interval == pytest.approx((means.mean() - half, means.mean() + half))
    residuals = means - (sums.lift + 1) * expected
    half = 1.959964 * residuals.std(ddof=1) / math.sqrt(200) / expected.mean()
    assert sums.lift_interval == pytest.approx((sums.lift - half, sums.lift + half))


def test_intervals_cover_the_truth_about_95_times_in_a_hundred() -> None:
    """400 samples; the covered share has standard deviation .011, so .91 to .98 is beyond three of them."""
    rng = np.random.default_rng(11)
    n_covered = 0
    for _ in range(400):
        sums = ArmSums()
        for offered in rng.uniform(0.2, 0.6, 120):
            sums.add(tuple((rng.random(3) < 1.2 * offered).astype(float)), float(offered))
        low, high = sums.lift_interval
        n_covered += low <= 0.2 <= high
    assert 0.91 <= n_covered / 400 <= 0.98


def test_an_empty_arm_claims_nothing() -> None:
    sums = ArmSums()
    assert math.isnan(sums.reward_per_slot)
    assert math.isnan(sums.lift)
    assert all(math.isnan(end) for end in (*sums.reward_interval, *sums.lift_interval))


def test_the_curve_has_a_step_for_each_block() -> None:
    tally = Tally(block=4)
    for n in range(10):
        tally.add(Outcome("learned" if n % 2 else "order", "v", (float(n >= 4),), 0.5))
    curve = tally.learning_curve()
    assert [(end, lift) for end, lift, _ in curve] == [(4, -1.0), (8, 1.0), (10, 1.0)]
    assert tally.lead("learned", "order") == pytest.approx(0.0)
    assert math.isnan(tally.lead("learned", "uniform"))
