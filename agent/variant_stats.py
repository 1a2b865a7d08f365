"""How each variant fares: reward per slot with its interval, and lift over another variant.

In: each decision's reward and number of slots. Out: mergeable sums, and 95 % intervals by the delta method, once there
is enough to tell a spread from. Decisions are taken as independent; the slots of one decision are not.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

Z_95 = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""

N_ENOUGH = 30
"""Decisions without which there is no interval and no lift: the delta method takes means for normal and their spread
for known, and with a few decisions it is neither; of two equal rewards it would even say that they are certain.
Source: the working rule for ratio estimates in Cochran, Sampling Techniques, 3rd ed., chapter 6."""

_SAME = 1e-9
"""Squares of residuals below this share of the rewards' squares are rounding: every slot earned the same."""


class Estimate(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


class VariantSums(msgspec.Struct):
    """Sums over one variant's decisions, where r is a decision's total reward and m its number of slots.

    Attributes:
        n_slots: Sum of m.
        reward: Sum of r.
        reward_sq: Sum of r².
        reward_slots: Sum of r m.
        slots_sq: Sum of m².
    """

    n_decisions: int = 0
    n_slots: int = 0
    reward: float = 0.0
    reward_sq: float = 0.0
    reward_slots: float = 0.0
    slots_sq: int = 0

    def add(self, reward: float, n_slots: int) -> None:
        """Count one decision by its total reward."""
        self.n_decisions += 1
        self.n_slots += n_slots
        self.reward += reward
        self.reward_sq += reward * reward
        self.reward_slots += reward * n_slots
        self.slots_sq += n_slots * n_slots

    def merged(self, other: VariantSums) -> VariantSums:
        """The sums over both."""
        return VariantSums(
            self.n_decisions + other.n_decisions,
            self.n_slots + other.n_slots,
            self.reward + other.reward,
            self.reward_sq + other.reward_sq,
            self.reward_slots + other.reward_slots,
            self.slots_sq + other.slots_sq,
        )

    def reward_per_slot(self) -> float | None:
        """All reward over all slots; None before the first slot."""
        return self.reward / self.n_slots if self.n_slots else None

    def interval_95(self) -> tuple[float, float] | None:
        """Of the reward per slot; None before ``N_ENOUGH`` decisions, and while every slot earned the same."""
        mean, variance = self.reward_per_slot(), self._variance()
        if mean is None or variance is None:
            return None
        half = Z_95 * math.sqrt(variance)
        return mean - half, mean + half

    def _variance(self) -> float | None:
        """Variance of the ratio of means, where it can be told.

        Source: delta method; Cochran, Sampling Techniques, 3rd ed., section 6.3.
        """
        n, mean = self.n_decisions, self.reward_per_slot()
        if n < N_ENOUGH or mean is None:
            return None
        residual_sq = self.reward_sq - 2 * mean * self.reward_slots + mean * mean * self.slots_sq
        return None if residual_sq <= _SAME * self.reward_sq else residual_sq / (n - 1) * n / self.n_slots**2

    def lift_over(self, control: VariantSums) -> Estimate | None:
        """Relative lift of the reward per slot over a control's, with its interval.

        None where either has no interval, or the control's reward per slot is not positive: then a relative lift
        means nothing. Source: delta method for a ratio of independent estimates.
        """
        mine, theirs = self.reward_per_slot(), control.reward_per_slot()
        my_variance, their_variance = self._variance(), control._variance()
        if mine is None or theirs is None or my_variance is None or their_variance is None or theirs <= 0.0:
            return None
        ratio = mine / theirs
        half = Z_95 * math.sqrt(my_variance + ratio * ratio * their_variance) / theirs
        return Estimate(ratio - 1, ratio - 1 - half, ratio - 1 + half)
