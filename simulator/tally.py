"""Counts what each arm earned: reward, the owner's KPI, and lift over what a uniform choice would have earned.

In: steps, one by one. Out: means and lifts with 95 % intervals. A user's whole episode is the unit of all of them: its
slates, and their slots, are not independent. Sums only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from simulator.traffic import Step

Z_95 = 1.959964

Interval = tuple[float, float]

Per = Literal["slate", "episode"]


class Lead(NamedTuple):
    """How much more one arm got than another, relative: 0.15 is 15 % more; and its 95 % interval."""

    value: float
    interval: Interval


@dataclass(slots=True)
class Ratio:
    """A ratio of sums over n units, of which each adds a top x and a bottom d.

    Source: the variance is the delta method's for a ratio of means, e.g. Cochran, Sampling Techniques, 6.3.
    """

    n: int = 0
    x: float = 0.0
    d: float = 0.0
    xx: float = 0.0
    dd: float = 0.0
    xd: float = 0.0

    def add(self, x: float, d: float) -> None:
        """Count one unit."""
        self.n += 1
        self.x += x
        self.d += d
        self.xx += x * x
        self.dd += d * d
        self.xd += x * d

    @property
    def value(self) -> float:
        """NaN where nothing was counted, or the bottom is zero."""
        return self.x / self.d if self.d else math.nan

    @property
    def interval(self) -> Interval:
        """95 % interval of ``value``; NaN below two units."""
        half = Z_95 * math.sqrt(self.variance)
        return (self.value - half, self.value + half)

    @property
    def variance(self) -> float:
        """Of ``value``; NaN below two units."""
        if self.n < 2 or not self.d > 0.0:
            return math.nan
        squares = self.xx - 2.0 * self.value * self.xd + self.value * self.value * self.dd
        return max(0.0, squares) / (self.n - 1) * self.n / (self.d * self.d)

    def lead(self, over: Ratio) -> Lead:
        """How much greater than another ratio of other units, relative; NaN where that one isn't positive."""
        if not over.value > 0.0:
            return Lead(math.nan, (math.nan, math.nan))
        ratio = self.value / over.value
        half = Z_95 * math.sqrt(self.variance + ratio * ratio * over.variance) / over.value
        return Lead(ratio - 1.0, (ratio - 1.0 - half, ratio - 1.0 + half))


@dataclass(slots=True)
class Episode:
    """What one user brought one arm so far."""

    n_slates: int = 0
    n_slots: int = 0
    reward: float = 0.0
    kpi: float = 0.0
    per_slot: float = 0.0
    expected: float | None = None

    def add(self, step: Step) -> None:
        """Count one slate."""
        self.n_slates += 1
        self.n_slots += len(step.shown)
        self.reward += step.reward
        self.kpi += step.kpi
        if step.ask.expected is not None:
            self.per_slot += step.reward / len(step.shown)
            self.expected = (self.expected or 0.0) + step.ask.expected


@dataclass(slots=True)
class ArmSums:
    """Sums over the whole episodes of one arm.

    Attributes:
        slot: Reward per slot.
        slate: Reward per slate.
        kpi: The owner's KPI, per slate or per episode.
        uniform: Reward per slot, over what a uniform choice among the same offers gets where that is known exactly.
    """

    n_episodes: int = 0
    n_slates: int = 0
    n_slots: int = 0
    slot: Ratio = field(default_factory=Ratio)
    slate: Ratio = field(default_factory=Ratio)
    kpi: Ratio = field(default_factory=Ratio)
    uniform: Ratio = field(default_factory=Ratio)

    def add(self, episode: Episode, per: Per = "slate") -> None:
        """Count one whole episode."""
        self.n_episodes += 1
        self.n_slates += episode.n_slates
        self.n_slots += episode.n_slots
        self.slot.add(episode.reward, episode.n_slots)
        self.slate.add(episode.reward, episode.n_slates)
        self.kpi.add(episode.kpi, episode.n_slates if per == "slate" else 1)
        if episode.expected is not None:
            self.uniform.add(episode.per_slot, episode.expected)

    @property
    def expectation(self) -> float:
        """Reward per slot of a uniform choice among the same offers; NaN where it isn't known."""
        return self.uniform.d / self.n_slates if self.uniform.n else math.nan

    @property
    def lift(self) -> float:
        """Over the uniform expectation, relative; NaN where that is zero or not known."""
        return self.uniform.value - 1.0

    @property
    def lift_interval(self) -> Interval:
        """95 % interval of ``lift``."""
        low, high = self.uniform.interval
        return (low - 1.0, high - 1.0)


@dataclass(slots=True)
class Tally:
    """Every arm's sums, over all and for each block of requests.

    Attributes:
        per: What the KPI is divided by.
        block: Requests in a block.
        n: Requests, those of episodes that go on included.
        blocks: Block number → arm → sums; an episode belongs to the block it ended in.
    """

    per: Per = "slate"
    block: int = 1000
    n: int = 0
    arms: dict[str, ArmSums] = field(default_factory=lambda: defaultdict(ArmSums))
    blocks: dict[int, dict[str, ArmSums]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(ArmSums)))
    _open: dict[str, dict[str, Episode]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Episode)))

    def add(self, step: Step) -> None:
        """Count one step."""
        self._open[step.user][step.variant].add(step)
        if step.ended:
            for variant, episode in self._open.pop(step.user).items():
                self.arms[variant].add(episode, self.per)
                self.blocks[self.n // self.block][variant].add(episode, self.per)
        self.n += 1

    def arm(self, name: str) -> ArmSums:
        """One arm's sums, empty if it has none."""
        return self.arms.get(name, ArmSums())

    def curve(self, arm: str) -> list[tuple[int, ArmSums]]:
        """For each block: the request it ends before, and the arm's sums in it."""
        return [
            (min(self.n, (number + 1) * self.block), arms.get(arm, ArmSums()))
            for number, arms in sorted(self.blocks.items())
        ]
