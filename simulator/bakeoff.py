"""Who wins: each contender's reward in each set as per cent of the best one's, the mean over sets, and the default.

In: what cells counted, and what decisions and lessons cost. Out: ``Score``s and ``Standing``s with 95 % intervals over
seeds, and the name of the policy that a new loop should get.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simulator.cells import PolicyChoice
from simulator.comparison import UNKNOWN, Estimate, arm_sums, mean_over_seeds, ratio_over_seeds, value_of
from simulator.costs import Cost
from simulator.experiments import Experiment
from simulator.records import CellRecord
from simulator.stages import Stage

TIED = 0.005
"""Mean shares this close can't be told apart for anyone's purpose, if the interval over seeds doesn't tell them apart
either; the cheaper one is then as good."""

INFORMED = "informed"
"""The chooser that knows the whole truth."""


@dataclass(frozen=True, slots=True)
class Score:
    """One contender in one set.

    Attributes:
        reward: Per slate, or per whole episode where the set's KPI is counted so; over the whole run, so what
            learning cost is in it.
        share: Of the best contender's reward there, paired by seed; unknown unless every seed is finished.
    """

    stage: str
    policy: str
    reward: Estimate
    share: Estimate


@dataclass(frozen=True, slots=True)
class Standing:
    """One contender over all sets.

    Attributes:
        share: Mean over the sets of its shares of the best; unknown where it lacks one.
        cost: None where it wasn't measured.
        is_static: It learns nothing of its own: a yardstick, never the default.
        is_cheap: Its cost is known and within the limit.
    """

    policy: PolicyChoice
    share: Estimate
    cost: Cost | None
    is_static: bool
    is_cheap: bool


class Results:
    """Rewards of a stage, seed by seed.

    Attributes:
        per: What reward is divided by.
    """

    def __init__(self, stage: Stage, done: Experiment) -> None:
        cells, done_gauges = stage.cells_of(done), stage.yardsticks_of(done)
        self.stage = stage
        self.per = cells[0].per if cells else "slate"
        self._rewards = {policy.name: _rewards(stage, policy, cells) for policy in stage.policies}
        gauges = {one.yardstick.seed: value_of(arm_sums(one, INFORMED), one.per, "reward") for one in done_gauges}
        self._informed = [gauges.get(seed, math.nan) for seed in range(stage.n_seeds)]

    @property
    def best(self) -> str | None:
        """The contender with the greatest mean reward over all seeds, if that is above 0."""
        means = {name: statistics.fmean(found) for name, found in self._rewards.items() if not _lacks(found)}
        best = max(means, key=lambda name: means[name], default=None)
        return best if best is not None and means[best] > 0.0 else None

    def scores(self) -> list[Score]:
        """One per contender, in their order."""
        return [
            Score(self.stage.name, name, mean_over_seeds(found), self.share(name))
            for name, found in self._rewards.items()
        ]

    def informed(self) -> Score:
        """What who knows the truth reaches in the same worlds; its share of the best is above 1."""
        if self.best is None or _lacks(self._informed):
            return Score(self.stage.name, INFORMED, mean_over_seeds(self._informed), UNKNOWN)
        share = ratio_over_seeds(self._informed, self._rewards[self.best])
        return Score(self.stage.name, INFORMED, mean_over_seeds(self._informed), share)

    def share(self, name: str) -> Estimate:
        """Of the best, paired by seed."""
        mine = self._rewards.get(name, [])
        if self.best is None or _lacks(mine):
            return UNKNOWN
        return ratio_over_seeds(mine, self._rewards[self.best])

    def residuals(self, name: str) -> list[float]:
        """What each seed adds to the spread of the share, (n_seeds,); the mean is 0.

        Source: the delta method for a ratio of means, as in ``comparison.ratio_over_seeds``.
        """
        if self.best is None:
            return []
        mine, theirs = self._rewards[name], self._rewards[self.best]
        ratio, base = self.share(name).value, statistics.fmean(theirs)
        return [(top - ratio * bottom) / base for top, bottom in zip(mine, theirs, strict=True)]


def mean_share(name: str, results: Sequence[Results]) -> Estimate:
    """Mean over the sets of a contender's share of the best; seeds are paired across sets.

    Sets where no contender earns more than 0 say nothing and are left out.
    """
    by_seed = shares_by_seed(name, results)
    return mean_over_seeds(by_seed) if by_seed else UNKNOWN


def shares_by_seed(name: str, results: Sequence[Results]) -> list[float]:
    """Each seed's part in the mean share, (n_seeds,); their mean is that share. Empty where one of them is unknown."""
    counted = [one for one in results if one.best is not None]
    shares = [one.share(name) for one in counted]
    if not shares or any(math.isnan(share.value) for share in shares):
        return []
    mean = statistics.fmean(share.value for share in shares)
    by_seed = zip(*(one.residuals(name) for one in counted), strict=True)
    return [mean + statistics.fmean(residuals) for residuals in by_seed]


def standings(
    policies: Sequence[PolicyChoice], results: Sequence[Results], costs: Mapping[str, Cost], *, limit_us: float
) -> list[Standing]:
    """Every contender, the best mean share first; cheap are decisions of 3 out of 10 and lessons within the limit."""
    found = [
        Standing(
            policy,
            mean_share(policy.name, results),
            costs.get(policy.name),
            policy.is_static,
            _is_cheap(costs.get(policy.name), limit_us),
        )
        for policy in policies
    ]
    return sorted(found, key=lambda one: -math.inf if math.isnan(one.share.value) else one.share.value, reverse=True)


def default(found: Iterable[Standing], results: Sequence[Results]) -> tuple[Standing, ...]:
    """The policy that a new loop should get, first, then those it is tied with; empty where nobody fits.

    Of those that learn, were measured in every set and are cheap enough: the best mean share, or the cheapest of those
    whose share is less by at most ``TIED`` and not surely less, paired by seed and set.
    """
    fit = [one for one in found if one.is_cheap and not one.is_static and not math.isnan(one.share.value)]
    best = max(fit, key=lambda one: one.share.value, default=None)
    if best is None:
        return ()
    return tuple(sorted((one for one in fit if _is_tied(one, best, results)), key=_spent_us))


def _is_tied(one: Standing, best: Standing, results: Sequence[Results]) -> bool:
    pairs = zip(shares_by_seed(best.policy.name, results), shares_by_seed(one.policy.name, results), strict=True)
    ahead = mean_over_seeds([top - other for top, other in pairs])
    return ahead.value <= TIED and not ahead.low > 0.0


def _spent_us(one: Standing) -> float:
    """A decision and its lesson."""
    return math.inf if one.cost is None else one.cost.decide_us + one.cost.lesson_us


def _is_cheap(cost: Cost | None, limit_us: float) -> bool:
    return cost is not None and max(cost.decide_us, cost.lesson_us) <= limit_us


def _rewards(stage: Stage, policy: PolicyChoice, cells: Sequence[CellRecord]) -> list[float]:
    """(n_seeds,), NaN where a seed isn't finished."""
    found = {one.cell.seed: one for one in cells if one.cell.policy == policy}
    return [
        value_of(arm_sums(found[seed], policy.arm), found[seed].per, "reward") if seed in found else math.nan
        for seed in range(stage.n_seeds)
    ]


def _lacks(rewards: Sequence[float]) -> bool:
    return not rewards or any(math.isnan(reward) for reward in rewards)
