"""Counts what each arm earned: reward per slot, and lift over what a uniform choice would have earned.

In: outcomes, one by one. Out: means and lifts with 95 % intervals. A request is the unit of both: its slots are not
independent. Sums only, so tallies merge.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

from simulator.traffic import Outcome

Z_95 = 1.959964

Interval = tuple[float, float]


@dataclass(slots=True)
class ArmSums:
    """Sums over the requests of one arm; x is a request's reward per slot, e the uniform expectation of the same offer.

    Source: the lift's variance is the delta method's for a ratio of means, e.g. Cochran, Sampling Techniques, 6.3.
    """

    n: int = 0
    n_slots: int = 0
    x: float = 0.0
    e: float = 0.0
    xx: float = 0.0
    ee: float = 0.0
    xe: float = 0.0

    def add(self, rewards: tuple[float, ...], expected: float) -> None:
        """Count one request."""
        mean = sum(rewards) / len(rewards)
        self.n += 1
        self.n_slots += len(rewards)
        self.x += mean
        self.e += expected
        self.xx += mean * mean
        self.ee += expected * expected
        self.xe += mean * expected

    @property
    def reward_per_slot(self) -> float:
        """NaN where nothing was counted."""
        return self.x / self.n if self.n else math.nan

    @property
    def expectation(self) -> float:
        """Reward per slot of a uniform choice among the same offers."""
        return self.e / self.n if self.n else math.nan

    @property
    def lift(self) -> float:
        """Relative: 0.15 is 15 % over the uniform expectation; NaN where that is zero."""
        return self.x / self.e - 1.0 if self.e else math.nan

    @property
    def reward_interval(self) -> Interval:
        """95 % interval of ``reward_per_slot``."""
        return self._around(self.reward_per_slot, self.xx - self.x * self.reward_per_slot, 1.0)

    @property
    def lift_interval(self) -> Interval:
        """95 % interval of ``lift``."""
        ratio = self.lift + 1.0
        squares = self.xx - 2.0 * ratio * self.xe + ratio * ratio * self.ee
        return self._around(self.lift, squares, self.expectation)

    def _around(self, centre: float, squares: float, unit: float) -> Interval:
        if self.n < 2 or not unit > 0.0:
            return (math.nan, math.nan)
        half = Z_95 * math.sqrt(max(0.0, squares) / (self.n - 1) / self.n) / unit
        return (centre - half, centre + half)


@dataclass(slots=True)
class Tally:
    """Every arm's sums, over all and for each block of requests.

    Attributes:
        block: Requests in a block.
        blocks: Block number → arm → sums.
    """

    block: int = 1000
    n: int = 0
    arms: dict[str, ArmSums] = field(default_factory=lambda: defaultdict(ArmSums))
    blocks: dict[int, dict[str, ArmSums]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(ArmSums)))

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        for arms in (self.arms, self.blocks[self.n // self.block]):
            arms[outcome.variant].add(outcome.rewards, outcome.expected)
        self.n += 1

    def arm(self, name: str) -> ArmSums:
        """One arm's sums, empty if it has none."""
        return self.arms.get(name, ArmSums())

    def learning_curve(self, arm: str = "learned") -> list[tuple[int, float, Interval]]:
        """For each block: the request it ends before, the arm's lift in it, and its 95 % interval."""
        found = [(number, arms.get(arm, ArmSums())) for number, arms in sorted(self.blocks.items())]
        return [(min(self.n, (number + 1) * self.block), sums.lift, sums.lift_interval) for number, sums in found]

    def lead(self, arm: str, over: str) -> float:
        """How much more reward per slot one arm got than another, relative; NaN where either got none."""
        base = self.arm(over).reward_per_slot
        return self.arm(arm).reward_per_slot / base - 1.0 if base else math.nan
