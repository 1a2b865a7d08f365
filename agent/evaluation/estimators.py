"""Off-policy estimates as mergeable sums: inverse propensity scoring, plain and self-normalised, with intervals.

In: for each decision its importance weight w (how likely the target policy was to do what was done, over how likely the
logging policy was) and its reward r. Out: the target's mean reward with a 95 % interval. Sums of shards merge, in any
order, into the sums of the whole. Further estimators add sums of their own beside these.
"""

from __future__ import annotations

import math

import msgspec

from agent.variant_stats import Z_95, Estimate


class OffPolicySums(msgspec.Struct):
    """Sums over decisions, taken as independent.

    Attributes:
        n: Decisions.
        n_nonzero: Those that the target might have made.
        weight: Sum of w.
        weight_sq: Sum of w².
        reward: Sum of w r.
        reward_weight_sq: Sum of w² r.
        reward_sq: Sum of w² r².
    """

    n: int = 0
    n_nonzero: int = 0
    weight: float = 0.0
    weight_sq: float = 0.0
    reward: float = 0.0
    reward_weight_sq: float = 0.0
    reward_sq: float = 0.0

    def add(self, weight: float, reward: float) -> None:
        """Count one decision."""
        self.n += 1
        self.n_nonzero += weight > 0.0
        self.weight += weight
        self.weight_sq += weight * weight
        self.reward += weight * reward
        self.reward_weight_sq += weight * weight * reward
        self.reward_sq += weight * weight * reward * reward

    def merged(self, other: OffPolicySums) -> OffPolicySums:
        """The sums over both."""
        return OffPolicySums(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    def ips(self) -> Estimate | None:
        """Mean of w r: unbiased; None before the second decision. Source: Horvitz and Thompson, JASA 47 (1952)."""
        if self.n < 2:
            return None
        mean = self.reward / self.n
        variance = max(0.0, self.reward_sq / self.n - mean * mean) / (self.n - 1)
        return _interval(mean, variance)

    def snips(self) -> Estimate | None:
        """Sum of w r over sum of w: a little biased, far steadier; None where it can't be told.

        Source: Swaminathan and Joachims, The self-normalized estimator for counterfactual learning (NIPS 2015);
        interval by the delta method.
        """
        if self.n < 2 or self.weight <= 0.0:
            return None
        mean = self.reward / self.weight
        residual_sq = self.reward_sq - 2 * mean * self.reward_weight_sq + mean * mean * self.weight_sq
        variance = max(0.0, residual_sq) / self.weight**2 * self.n / (self.n - 1)
        return _interval(mean, variance)


def _interval(mean: float, variance: float) -> Estimate:
    half = Z_95 * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half)
