"""Counts a cell block by block and arm by arm: rewards, the owner's KPI, episodes, propensities, what was shown.

In: ``Moment``s, one for each slate. Out: ``Block``s, sums only, which any statistic is made of later.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

N_BINS = 20
"""Propensities are counted in so many equal parts of (0, 1]."""


class Moment(NamedTuple):
    """One slate, and what arrived because of it or with it.

    Attributes:
        arm: The variant that chose.
        user: Whose episode it belongs to.
        labels: What kind of item was in each slot.
        propensities: One a slot; empty where the service didn't tell.
        reward: Sum of all weighted feedback that arrived with this step, late feedback on earlier slates included.
        kpi: The same of the owner's KPI.
        ended: This was the user's last slate.
        decide_s: Wall-clock time of the choice.
        learn_s: Wall-clock time of taking the rewards in; in process, learning is part of it.
    """

    arm: str
    user: str
    labels: tuple[str, ...]
    propensities: tuple[float, ...]
    reward: float
    kpi: float
    ended: bool
    decide_s: float = 0.0
    learn_s: float = 0.0


@dataclass(slots=True)
class Block:
    """Sums of one arm over one block of requests.

    Attributes:
        first_request: 0-based number, within the cell, of the block's first request by any arm.
        last_request: Of its last.
        n_requests: In the block, by all arms.
        n_slates: Chosen by this arm.
        n_episodes: That ended in this block.
        reward_sum: Over this arm's slates.
        kpi_sum: Over this arm's slates.
        ended_reward_sum: Over the whole episodes, from their first slate, that ended in this block.
        ended_kpi_sum: The same of the KPI.
        propensity_counts: (N_BINS,) slots; bin k holds (k / N_BINS, (k + 1) / N_BINS].
        shown: Label → slots.
    """

    arm: str
    block: int
    first_request: int
    last_request: int
    n_requests: int = 0
    n_slates: int = 0
    n_episodes: int = 0
    n_slots: int = 0
    reward_sum: float = 0.0
    kpi_sum: float = 0.0
    ended_reward_sum: float = 0.0
    ended_kpi_sum: float = 0.0
    propensity_sum: float = 0.0
    propensity_counts: list[int] = field(default_factory=lambda: [0] * N_BINS)
    shown: dict[str, int] = field(default_factory=dict)
    decide_s: float = 0.0
    learn_s: float = 0.0

    @property
    def mean_propensity(self) -> float:
        """NaN where none was told."""
        n = sum(self.propensity_counts)
        return self.propensity_sum / n if n else math.nan

    def add(self, moment: Moment) -> None:
        """Count one slate of this arm."""
        self.n_slates += 1
        self.n_slots += len(moment.labels)
        self.reward_sum += moment.reward
        self.kpi_sum += moment.kpi
        self.decide_s += moment.decide_s
        self.learn_s += moment.learn_s
        for propensity in moment.propensities:
            self.propensity_sum += propensity
            self.propensity_counts[bin_of(propensity)] += 1
        for label in moment.labels:
            self.shown[label] = self.shown.get(label, 0) + 1

    def end_episode(self, reward: float, kpi: float) -> None:
        """Count one whole episode."""
        self.n_episodes += 1
        self.ended_reward_sum += reward
        self.ended_kpi_sum += kpi


def bin_of(propensity: float) -> int:
    """Which bin a propensity in (0, 1] belongs to."""
    return min(N_BINS - 1, max(0, math.ceil(round(propensity * N_BINS, 9)) - 1))


class Tracker:
    """Turns moments into blocks.

    Args:
        size: Requests in a block.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._n = 0
        self._blocks: dict[tuple[int, str], Block] = {}
        self._per_block: Counter[int] = Counter()
        self._episodes: dict[str, tuple[float, float]] = {}

    def add(self, moment: Moment) -> None:
        """Count one slate."""
        number = self._n // self._size
        first = number * self._size
        block = self._blocks.setdefault((number, moment.arm), Block(moment.arm, number, first, first))
        block.add(moment)
        reward, kpi = self._episodes.pop(moment.user, (0.0, 0.0))
        whole = (reward + moment.reward, kpi + moment.kpi)
        if moment.ended:
            block.end_episode(*whole)
        else:
            self._episodes[moment.user] = whole
        self._n += 1
        self._per_block[number] += 1

    def blocks(self) -> list[Block]:
        """In order of block and arm."""
        for (number, _), block in self._blocks.items():
            block.n_requests = self._per_block[number]
            block.last_request = block.first_request + block.n_requests - 1
        return [self._blocks[key] for key in sorted(self._blocks)]


def block_from(data: Mapping[str, Any]) -> Block:
    """The block whose ``dataclasses.asdict`` this is."""
    return Block(**data)


_LABELS = ("topic", "category", "genre", "cluster")


def label_of(item: str, features: Mapping[str, Any]) -> str:
    """What kind of item this is: its topic, category, genre or cluster, else its first word among the features.

    An item without words is its own kind.
    """
    for name in _LABELS:
        if name in features:
            return _word(features[name])
    return next((value for value in features.values() if isinstance(value, str)), item)


def _word(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return str(value[0]) if value else "none"
    return str(value)
