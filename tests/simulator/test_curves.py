from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simulator.curves import (
    N_TOLD_APART,
    WIDTH,
    label_shares,
    labels_of,
    learning_curve,
    propensity_shares,
    regret_curves,
    series_of,
    variant_shares,
    windows_of,
)
from tests.simulator.measured import cell_record, yardstick_record


def test_a_series_per_policy_and_popularity_beside_what_learns() -> None:
    records = [cell_record(policy, seed) for policy in ("vw", "uniform") for seed in (0, 1)]
    found = [(one.name, one.arm, one.is_base, len(one.records)) for one in series_of(records)]
    assert found == [
        ("vw", "learned", False, 2),
        ("uniform", "uniform", False, 2),
        ("popularity, beside vw", "popularity", True, 2),
    ]


def test_popularity_is_not_drawn_beside_three_learning_policies() -> None:
    records = [cell_record(policy) for policy in ("vw", "vw:bag", "vw:softmax")]
    assert [one.name for one in series_of(records)] == ["vw", "vw:bag", "vw:softmax"]


def test_windows_move_by_a_block_and_are_cut_at_the_ends() -> None:
    windows = windows_of(cell_record(), "learned")
    assert len(windows) == 40
    half = WIDTH["slate"] // 2
    assert [block.block for block in windows[0]] == list(range(half + 1))
    assert [block.block for block in windows[20]] == list(range(20 - half, 20 + half + 1))
    assert [block.block for block in windows[39]] == list(range(39 - half, 40))


def test_a_learning_curve_is_the_mean_of_the_seeds() -> None:
    series, _ = series_of([cell_record(seed=0, reward=0.3), cell_record(seed=1, reward=0.5)])
    curve = learning_curve(series, "reward")
    assert curve.mean == pytest.approx(np.full(40, 0.4))
    assert (curve.x[0], curve.x[-1]) == (5.0, 395.0)
    assert curve.high - curve.mean == pytest.approx(np.full(40, 12.706204736432095 * 0.1))


def test_regret_is_what_the_reference_would_have_had_more() -> None:
    """The arm gets .4 in each of 200 slates; informed gets .6: 40 in all; popularity beside it, at .2, misses 80."""
    curves = regret_curves(series_of([cell_record(reward=0.4, base=0.2)]), [yardstick_record(informed=0.6)])
    assert [float(curve.mean[-1]) for curve in curves] == [pytest.approx(40.0), pytest.approx(80.0)]
    assert curves[0].x[-1] == 200.0


def test_regret_goes_as_far_as_the_shortest_arm() -> None:
    short = cell_record("uniform")
    short = dataclasses.replace(short, blocks=short.blocks[:10])
    curves = regret_curves(series_of([cell_record(), short]), [yardstick_record()])
    assert {float(curve.x[-1]) for curve in curves} == {50.0}


def test_no_regret_without_a_reference() -> None:
    assert regret_curves(series_of([cell_record()]), []) == []


def test_what_is_shown_adds_up_to_one() -> None:
    records = [cell_record()]
    labels = labels_of(records)
    assert labels == ["sport", "music"]
    _, shares = label_shares(series_of(records)[0], labels[:1])
    assert shares[:, 7] == pytest.approx([2 / 3, 1 / 3])
    assert shares.sum(axis=0) == pytest.approx(np.ones(40))


def test_only_so_many_labels_are_told_apart() -> None:
    record = cell_record()
    for number in range(20):
        record.blocks[0].shown[f"kind {number}"] = number + 1
    assert len(labels_of([record])) == N_TOLD_APART


def test_each_arm_has_its_share_of_the_slates() -> None:
    _, arms, shares = variant_shares(series_of([cell_record()])[0])
    assert arms == ["learned", "popularity"]
    assert shares == pytest.approx(np.full((2, 40), 0.5))


def test_propensities_are_shares_of_a_stretch_of_the_run() -> None:
    record = cell_record()
    for block in record.blocks:
        if block.block >= 30:
            block.propensity_counts = [0] * 19 + [15]
    series = series_of([record])[0]
    assert propensity_shares(series, since=0.0, until=0.25)[9] == pytest.approx(1.0)
    assert propensity_shares(series, since=0.75, until=1.01)[19] == pytest.approx(1.0)
