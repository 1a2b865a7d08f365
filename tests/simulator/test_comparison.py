from __future__ import annotations

import math

import pytest

from simulator.comparison import (
    UNKNOWN,
    Sums,
    add_up,
    arm_sums,
    compare,
    mean_over_seeds,
    ratio_over_seeds,
    reference_values,
    value_of,
)
from tests.simulator.measured import SETTING, block, cell_record, yardstick_record

T_2 = 4.302652729911275
"""97.5 % quantile of Student's t with 2 degrees of freedom, from tables."""


def test_a_mean_over_three_seeds_by_hand() -> None:
    """1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7, half width t · √(7 / 3)."""
    found = mean_over_seeds([1.0, 2.0, 6.0])
    half = T_2 * math.sqrt(7.0 / 3.0)
    assert found.value == pytest.approx(3.0)
    assert found.low == pytest.approx(3.0 - half)
    assert found.high == pytest.approx(3.0 + half)
    assert found.half == pytest.approx(half)
    assert found.n_seeds == 3


def test_one_seed_has_no_interval_and_none_has_no_mean() -> None:
    assert mean_over_seeds([2.0])[0] == 2.0
    assert math.isnan(mean_over_seeds([2.0]).half)
    assert mean_over_seeds([math.nan]) is UNKNOWN
    assert mean_over_seeds([math.nan, 4.0]).n_seeds == 1


def test_a_ratio_over_three_seeds_by_hand() -> None:
    """Tops 2, 3, 7 over bottoms 1, 2, 3: ratio 12 / 6 = 2; residuals top - 2 bottom: 0, -1, 1; their sd 1, mean 2.

    The half width is t · (1 / 2) / √3.
    """
    found = ratio_over_seeds([2.0, 3.0, 7.0], [1.0, 2.0, 3.0])
    assert found.value == pytest.approx(2.0)
    assert found.half == pytest.approx(T_2 * 0.5 / math.sqrt(3.0))


def test_pairs_that_are_not_whole_are_left_out_of_a_ratio() -> None:
    assert ratio_over_seeds([2.0, math.nan, 8.0], [1.0, 5.0, math.nan]).value == pytest.approx(2.0)
    assert ratio_over_seeds([1.0], [0.0]) is UNKNOWN
    assert ratio_over_seeds([], []) is UNKNOWN


def test_pairing_takes_out_what_the_seeds_share() -> None:
    """Worlds that differ much, a lead of 50 % in each: the ratio is known exactly."""
    found = ratio_over_seeds([1.5, 15.0, 150.0], [1.0, 10.0, 100.0])
    assert found.value == pytest.approx(1.5)
    assert found.half == pytest.approx(0.0, abs=1e-12)


def test_values_are_per_slate_or_per_whole_episode() -> None:
    sums = Sums(n_slates=4, n_episodes=2, reward_sum=1.0, kpi_sum=2.0, ended_reward_sum=8.0, ended_kpi_sum=6.0)
    assert [value_of(sums, per, what) for per in ("slate", "episode") for what in ("reward", "kpi")] == [
        0.25,
        0.5,
        4.0,
        3.0,
    ]
    assert math.isnan(value_of(Sums(), "slate", "kpi"))


def test_blocks_add_up() -> None:
    found = add_up([block("a", 0, 1.0), block("a", 1, 2.0, ended=0)])
    assert (found.n_slates, found.n_episodes, found.reward_sum, found.ended_reward_sum) == (10, 1, 3.0, 6.0)


def test_the_last_quarter_is_the_last_ten_blocks() -> None:
    record = cell_record(reward=0.4, late=0.8)
    assert arm_sums(record, "learned", "last quarter").reward_sum == pytest.approx(10 * 5 * 0.8)
    assert arm_sums(record, "learned").reward_sum == pytest.approx(30 * 5 * 0.4 + 10 * 5 * 0.8)


def test_a_row_by_hand() -> None:
    """Seeds reach .4 and .5 where random reaches .1 and informed .6; popularity beside them .2 and .25.

    Gap: mean of (.3, .4) over .5 is 70 %. Lead: .45 / .225 - 1 = 100 % in both seeds, so exactly.
    """
    cells = [cell_record(seed=0, reward=0.4, base=0.2), cell_record(seed=1, reward=0.5, base=0.25)]
    whole, last = compare(cells, [yardstick_record(0), yardstick_record(1)])
    assert (whole.span, last.span) == ("whole", "last quarter")
    assert whole.kpi.value == pytest.approx(0.45)
    assert whole.gap.value == pytest.approx(0.7)
    assert whole.gap.half == pytest.approx(12.706204736432095 * math.sqrt(0.005) / 0.5 / math.sqrt(2.0))
    assert whole.lead.value == pytest.approx(1.0)
    assert whole.lead.half == pytest.approx(0.0, abs=1e-9)


def test_a_policy_alone_has_no_lead_and_a_world_without_references_no_gap() -> None:
    whole, _ = compare([cell_record("uniform")], [])
    assert math.isnan(whole.lead.value)
    assert math.isnan(whole.gap.value)
    assert whole.kpi.value == pytest.approx(0.4)


def test_no_share_of_a_gap_that_is_none() -> None:
    whole, _ = compare([cell_record()], [yardstick_record(random=0.5, informed=0.5)])
    assert math.isnan(whole.gap.value)


def test_only_the_seed_with_a_yardstick_is_placed() -> None:
    whole, _ = compare([cell_record(seed=0), cell_record(seed=1)], [yardstick_record(1)])
    assert (whole.gap.n_seeds, whole.kpi.n_seeds) == (1, 2)


def test_references_are_means_over_seeds() -> None:
    found = reference_values([yardstick_record(0, random=0.1), yardstick_record(1, random=0.3)], SETTING, "kpi")
    assert list(found) == ["random", "myopic", "informed"]
    assert found["random"] == pytest.approx(0.2)
