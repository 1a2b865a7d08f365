from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulator.tally import ArmSums, Episode, Ratio, Tally
from tests.simulator.fakes import step


def test_sums_equal_closed_forms_on_varying_data() -> None:
    rng = np.random.default_rng(5)
    tops, bottoms = rng.random(200), rng.random(200) * 0.5 + 0.1
    ratio = Ratio()
    for top, bottom in zip(tops, bottoms, strict=True):
        ratio.add(float(top), float(bottom))
    assert ratio.value == pytest.approx(tops.sum() / bottoms.sum())
    half = 1.959964 * (tops - ratio.value * bottoms).std(ddof=1) / math.sqrt(200) / bottoms.mean()
    assert ratio.interval == pytest.approx((ratio.value - half, ratio.value + half))


def test_a_constant_bottom_gives_the_plain_interval_of_a_mean() -> None:
    values = np.random.default_rng(6).random(50)
    ratio = Ratio()
    for value in values:
        ratio.add(float(value), 3.0)
    half = 1.959964 * values.std(ddof=1) / math.sqrt(50) / 3.0
    assert ratio.interval == pytest.approx((values.mean() / 3.0 - half, values.mean() / 3.0 + half))


def covered(measure: Callable[[np.random.Generator], tuple[float, float]], truth: float) -> float:
    """Share of 400 intervals that hold the truth: its standard deviation is .011 where they should hold it at 95 %."""
    rng = np.random.default_rng(11)
    intervals = [measure(rng) for _ in range(400)]
    return sum(low <= truth <= high for low, high in intervals) / 400


def test_intervals_hold_the_lift_about_95_times_in_a_hundred() -> None:
    """See ``covered``: .91 to .98 is beyond three standard deviations."""

    def lift(rng: np.random.Generator) -> tuple[float, float]:
        tally = Tally()
        for offered in rng.uniform(0.2, 0.6, 120):
            tally.add(step("learned", float((rng.random(3) < 1.2 * offered).sum()), expected=float(offered), n_slots=3))
        return tally.arm("learned").lift_interval

    assert 0.91 <= covered(lift, 0.2) <= 0.98


def test_intervals_hold_though_a_users_slates_are_alike() -> None:
    """Ten slates a user, all alike: counted as independent they would hold the truth about half as often."""

    def rate(rng: np.random.Generator) -> tuple[float, float]:
        tally = Tally()
        for user in range(60):
            reward = float(rng.normal(1.0, 0.5))
            n = int(rng.integers(1, 20))
            for number in range(n):
                tally.add(step("learned", reward, user=f"u{user}", ended=number == n - 1))
        return tally.arm("learned").slate.interval

    assert 0.90 <= covered(rate, 1.0) <= 0.98


def test_intervals_hold_the_lead_of_one_arm_over_another() -> None:
    """See ``covered``."""

    def lead(rng: np.random.Generator) -> tuple[float, float]:
        mine, theirs = Ratio(), Ratio()
        for _ in range(150):
            mine.add(float(rng.random() < 0.45), 1.0)
            theirs.add(float(rng.random() < 0.3), 1.0)
        return mine.lead(theirs).interval

    assert 0.91 <= covered(lead, 0.5) <= 0.98


def test_a_lead_over_nothing_is_none() -> None:
    mine, theirs = Ratio(), Ratio()
    mine.add(1.0, 1.0)
    theirs.add(0.0, 1.0)
    assert math.isnan(mine.lead(theirs).value)
    assert math.isnan(mine.lead(Ratio()).value)


def test_an_empty_arm_claims_nothing() -> None:
    sums = ArmSums()
    assert math.isnan(sums.slate.value)
    assert math.isnan(sums.lift)
    assert math.isnan(sums.expectation)
    assert all(math.isnan(end) for end in (*sums.slate.interval, *sums.lift_interval))


def test_a_kpi_is_per_slate_or_per_episode() -> None:
    episodes = [
        Episode(n_slates=4, n_slots=8, reward=2.0, kpi=1.0),
        Episode(n_slates=2, n_slots=4, reward=4.0, kpi=2.0),
    ]
    slate, episode = ArmSums(), ArmSums()
    for one in episodes:
        slate.add(one, "slate")
        episode.add(one, "episode")
    assert (slate.kpi.value, episode.kpi.value) == (0.5, 1.5)
    assert (slate.slate.value, slate.slot.value) == (1.0, 0.5)
    assert (slate.n_episodes, slate.n_slates, slate.n_slots) == (2, 6, 12)


def test_only_whole_episodes_count() -> None:
    tally = Tally("episode")
    tally.add(step("learned", 1.0, user="u", kpi=1.0, ended=False))
    tally.add(step("order", 1.0, user="v", kpi=5.0))
    assert (tally.n, tally.arm("learned").n_slates) == (2, 0)
    tally.add(step("learned", 2.0, user="u", kpi=3.0))
    learned = tally.arm("learned")
    assert (learned.n_episodes, learned.n_slates, learned.kpi.value, learned.slate.value) == (1, 2, 4.0, 1.5)


def test_the_curve_has_a_step_for_each_block() -> None:
    tally = Tally(block=4)
    for n in range(10):
        tally.add(step("learned" if n % 2 else "order", float(n >= 4), expected=0.5))
    curve = tally.curve("learned")
    assert [(end, arm.lift) for end, arm in curve] == [(4, -1.0), (8, 1.0), (10, 1.0)]
    assert tally.arm("learned").slot.lead(tally.arm("order").slot).value == pytest.approx(0.0)
