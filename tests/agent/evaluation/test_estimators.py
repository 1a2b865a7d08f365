from __future__ import annotations

import math

import numpy as np
import pytest

from agent.evaluation.estimators import OffPolicySums
from agent.variant_stats import Z_95


def sums(pairs: list[tuple[float, float]]) -> OffPolicySums:
    found = OffPolicySums()
    for weight, reward in pairs:
        found.add(weight, reward)
    return found


def test_by_hand() -> None:
    """Four decisions of a logging policy with propensity 1/2 each; the target always takes the first action.

    w r = 2, 0, 0, 0: IPS 2/4. w = 2, 0, 2, 0: SNIPS 2/4. Residuals of SNIPS: 2(1 - .5) = 1, 0, 2(0 - .5) = -1, 0; so
    its variance is (1 + 1) / 4² · 4/3. Variance of IPS: mean of squares 1, less 1/4, over 3.
    """
    found = sums([(2.0, 1.0), (0.0, 1.0), (2.0, 0.0), (0.0, 0.0)])
    assert (found.n, found.n_nonzero) == (4, 2)
    ips, snips = found.ips(), found.snips()
    assert ips is not None and snips is not None  # noqa: PT018 - for the type checker
    assert (ips.value, snips.value) == (0.5, 0.5)
    assert ips.high - ips.value == pytest.approx(Z_95 * math.sqrt(0.75 / 3))
    assert snips.high - snips.value == pytest.approx(Z_95 * math.sqrt(2 / 16 * 4 / 3))
    assert ips.value - ips.low == pytest.approx(ips.high - ips.value)


def test_of_the_policy_that_logged_both_are_the_mean_with_its_standard_error() -> None:
    rewards = [0.3, 1.0, -0.2, 0.7, 0.1]
    found = sums([(1.0, reward) for reward in rewards])
    half = Z_95 * float(np.std(rewards, ddof=1)) / math.sqrt(len(rewards))
    for estimate in (found.ips(), found.snips()):
        assert estimate is not None
        assert estimate.value == pytest.approx(np.mean(rewards))
        assert estimate.high - estimate.value == pytest.approx(half)


def test_sums_of_shards_are_the_sums_of_the_whole_in_any_order() -> None:
    pairs = [(0.5, 1.0), (2.0, -1.0), (4.0, 0.25), (0.0, 1.0)]
    whole = sums(pairs)
    left, right = sums(pairs[:1]), sums(pairs[1:])
    assert left.merged(right) == right.merged(left) == whole


def test_too_little_is_known_of_one_decision_or_of_none_that_the_target_would_make() -> None:
    assert sums([(1.0, 1.0)]).ips() is None
    assert sums([(1.0, 1.0)]).snips() is None
    assert sums([(0.0, 1.0), (0.0, 0.0)]).snips() is None


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Two actions, logged with 0.8 and 0.2; the target takes the second, whose mean reward is 0.6.

    Of 400 intervals at 95 % about 380 hold it; a standard deviation is sqrt(400 · .05 · .95) = 4.4, and with 500
    decisions each the normal approximation costs a percent or two: at least 360 must.
    """
    random = np.random.default_rng(7)
    held = [0, 0]
    for _ in range(400):
        second = random.random(500) < 0.2
        reward = (random.random(500) < np.where(second, 0.6, 0.3)).astype(float)
        weight = np.where(second, 5.0, 0.0)
        found = OffPolicySums(
            500, int(second.sum()), weight.sum(), (weight**2).sum(), (weight * reward).sum(),
            (weight**2 * reward).sum(), (weight**2 * reward**2).sum(),
        )  # fmt: skip
        for place, estimate in enumerate((found.ips(), found.snips())):
            assert estimate is not None
            held[place] += estimate.low <= 0.6 <= estimate.high
    assert min(held) >= 360
