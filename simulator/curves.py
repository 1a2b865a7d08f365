"""What plots are drawn from: one curve per policy arm, moving windows in each seed, then mean and band over seeds.

In: cell records of one world. Out: arrays; nothing here knows how they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.arms import LEARNED
from simulator.blocks import N_BINS, Block
from simulator.cells import POPULARITY
from simulator.comparison import Quantity, add_up, arm_sums, mean_over_seeds, value_of
from simulator.records import CellRecord, Per, YardstickRecord

Floats = NDArray[np.float64]

WIDTH: Mapping[Per, int] = {"slate": 6, "episode": 10}
"""Blocks in a moving window; episodes are fewer than slates, so their windows are longer."""

N_GRID = 60
N_TOLD_APART = 7
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Series:
    """One arm of one policy's cells, a cell per seed."""

    name: str
    arm: str
    records: tuple[CellRecord, ...]
    is_base: bool = False

    @property
    def per(self) -> Per:
        """What a value is divided by."""
        return self.records[0].per


@dataclass(frozen=True, slots=True)
class Curve:
    """Mean over seeds with a 95 % band; each (n_points,); the band is NaN where fewer than two seeds are known."""

    name: str
    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    is_base: bool = False


def series_of(records: Sequence[CellRecord]) -> list[Series]:
    """A series per policy; then, beside at most two learning policies, the popularity arm of the same log."""
    groups: dict[str, list[CellRecord]] = {}
    for one in records:
        groups.setdefault(one.cell.policy.name, []).append(one)
    own = [Series(name, group[0].cell.policy.arm, tuple(group)) for name, group in groups.items()]
    learning = [one for one in own if POPULARITY in one.records[0].cell.variants and one.arm != POPULARITY]
    bases = [Series(f"{POPULARITY}, beside {one.name}", POPULARITY, one.records, is_base=True) for one in learning]
    return own + (bases if len(learning) <= 2 else [])


def windows_of(one: CellRecord, arm: str) -> list[list[Block]]:
    """For each block the arm's blocks around it; windows are cut at the ends of the run, and may be empty."""
    own = {block.block: block for block in one.blocks if block.arm == arm}
    n_blocks, width = _n_blocks(one), WIDTH[one.per]
    starts = [number - width // 2 for number in range(n_blocks)]
    return [[own[near] for near in range(start, start + width + 1) if near in own] for start in starts]


def learning_curve(series: Series, quantity: Quantity) -> Curve:
    """Reward or KPI per unit in each window; x is the request in the middle of its block."""
    rows = [
        [value_of(add_up(window), series.per, quantity) for window in windows_of(one, series.arm)]
        for one in series.records
    ]
    return _banded(series, _middles(series), np.array(rows))


def regret_curves(
    all_series: Sequence[Series], yardsticks: Sequence[YardstickRecord], *, against: str = "informed"
) -> list[Curve]:
    """What was missed of the reference's reward, summed; x counts the arm's own slates or episodes.

    All arms and seeds are read at the same counts, as far as the shortest goes; a seed without a yardstick is left out.
    """
    gauges = {one.yardstick.seed: value_of(arm_sums(one, against), one.per, "reward") for one in yardsticks}
    paths = [
        [_regret(one, series.arm, gauges[one.cell.seed]) for one in series.records if one.cell.seed in gauges]
        for series in all_series
    ]
    grid = np.linspace(0.0, min((counts[-1] for own in paths for counts, _ in own), default=0.0), N_GRID)
    rows = [np.array([np.interp(grid, counts, regret) for counts, regret in own]) for own in paths]
    return [_banded(series, grid, own) for series, own in zip(all_series, rows, strict=True) if len(own)]


def labels_of(records: Sequence[CellRecord]) -> list[str]:
    """What was shown most, most first, at most ``N_TOLD_APART``."""
    totals: dict[str, int] = {}
    for one in records:
        for block in one.blocks:
            for label, n in block.shown.items():
                totals[label] = totals.get(label, 0) + n
    return sorted(totals, key=lambda label: (-totals[label], label))[:N_TOLD_APART]


def label_shares(series: Series, labels: Sequence[str]) -> tuple[Floats, Floats]:
    """Requests (n_blocks,) and shares of the slots (n_labels + 1, n_blocks), the last row all else; seeds together."""
    x = _middles(series)
    counts = np.zeros((len(labels) + 1, len(x)))
    for one in series.records:
        for number, window in enumerate(windows_of(one, series.arm)):
            for block in window:
                for label, n in block.shown.items():
                    counts[labels.index(label) if label in labels else -1, number] += n
    return x, _shares(counts)


def variant_shares(series: Series) -> tuple[Floats, list[str], Floats]:
    """Requests, the arms, and their shares of the slates (n_arms, n_blocks), all seeds together."""
    arms = sorted({block.arm for one in series.records for block in one.blocks}, key=lambda arm: (arm != LEARNED, arm))
    x = _middles(series)
    counts = np.zeros((len(arms), len(x)))
    for one in series.records:
        for row, arm in enumerate(arms):
            for number, window in enumerate(windows_of(one, arm)):
                counts[row, number] += sum(block.n_slates for block in window)
    return x, arms, _shares(counts)


def propensity_shares(series: Series, *, since: float, until: float) -> Floats:
    """Shares of the slots (N_BINS,) by propensity, between two fractions of the run, all seeds together."""
    counts = np.zeros(N_BINS)
    for one in series.records:
        for block in one.blocks:
            if block.arm == series.arm and since <= block.first_request / one.cell.n_requests < until:
                counts += np.array(block.propensity_counts)
    return counts / counts.sum() if counts.sum() else counts


def _regret(one: CellRecord, arm: str, best: float) -> tuple[Floats, Floats]:
    blocks = [block for block in one.blocks if block.arm == arm]
    if one.per == "slate":
        n = np.cumsum([0, *(block.n_slates for block in blocks)], dtype=np.float64)
        got = np.cumsum([0.0, *(block.reward_sum for block in blocks)])
    else:
        n = np.cumsum([0, *(block.n_episodes for block in blocks)], dtype=np.float64)
        got = np.cumsum([0.0, *(block.ended_reward_sum for block in blocks)])
    return n, best * n - got


def _banded(series: Series, x: Floats, rows: Floats) -> Curve:
    """Rows are seeds."""
    points = [mean_over_seeds([float(value) for value in column]) for column in rows.T]
    mean, low, high = (np.array([getattr(point, name) for point in points]) for name in ("value", "low", "high"))
    return Curve(series.name, x, mean, low, high, series.is_base)


def _n_blocks(one: CellRecord) -> int:
    return -(-one.cell.n_requests // one.cell.block)


def _middles(series: Series) -> Floats:
    one = series.records[0]
    firsts = np.arange(_n_blocks(one)) * one.cell.block
    middles: Floats = (firsts + np.minimum(firsts + one.cell.block, one.cell.n_requests)) / 2.0
    return middles


def _shares(counts: Floats) -> Floats:
    totals = np.maximum(counts.sum(axis=0), 1.0)
    shares: Floats = counts / totals
    return shares
