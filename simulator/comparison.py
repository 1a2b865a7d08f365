"""How good is good: policies compared with popularity, and placed between chance and a well-informed chooser.

In: what cells and yardsticks counted, several seeds each. Out: one ``Row`` per world and policy, every figure with a
95 % interval over the seeds. A seed is the unit: slates of one run are not independent.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from envs.student import t_quantile
from simulator.blocks import Block
from simulator.cells import POPULARITY, Setting
from simulator.records import CellRecord, Per, Record, YardstickRecord

Quantity = Literal["reward", "kpi"]
Span = Literal["whole", "last quarter"]


class Estimate(NamedTuple):
    """A mean over seeds with its 95 % interval; the ends are NaN for fewer than two seeds, all of it for none."""

    value: float
    low: float
    high: float
    n_seeds: int

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2.0


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over slates and over whole episodes; ``ended_…`` count episodes that ended, from their first slate."""

    n_slates: int = 0
    n_episodes: int = 0
    reward_sum: float = 0.0
    kpi_sum: float = 0.0
    ended_reward_sum: float = 0.0
    ended_kpi_sum: float = 0.0


UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One policy in one world.

    Attributes:
        arm: The variant that the policy is.
        kpi: Per slate or per episode, as the world's owner counts it.
        reward: Per the same unit.
        gap: Where the reward stands between random (0) and informed (1).
        lead: KPI relative to the popularity arm of the same cells, minus 1; unknown where a policy runs alone.
        seeds: That are finished.
        codes: Digests of the code that measured what is in this row, references included.
        is_reference: A chooser that needs no learning, not a policy.
    """

    setting: Setting
    policy: str
    arm: str
    n_requests: int
    span: Span
    kpi_name: str
    per: Per
    kpi: Estimate
    reward: Estimate
    gap: Estimate
    lead: Estimate
    seeds: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    is_reference: bool = False


def mean_over_seeds(values: Sequence[float]) -> Estimate:
    """Student's interval of a mean; values that are NaN are left out.

    Source: t distribution with n - 1 degrees of freedom.
    """
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return UNKNOWN
    mean = statistics.fmean(known)
    return _around(mean, statistics.stdev(known) if len(known) > 1 else math.nan, len(known))


def ratio_over_seeds(tops: Sequence[float], bottoms: Sequence[float]) -> Estimate:
    """Ratio of the means of pairs, with Student's interval of its linearisation; pairs with a NaN are left out.

    Source: the delta method for a ratio of means, e.g. Cochran, Sampling Techniques, 6.3: the spread is that of
    top - ratio * bottom, divided by the mean of the bottoms.
    """
    pairs = [(top, bottom) for top, bottom in zip(tops, bottoms, strict=True) if not math.isnan(top + bottom)]
    base = statistics.fmean(bottom for _, bottom in pairs) if pairs else 0.0
    if not base:
        return UNKNOWN
    ratio = statistics.fmean(top for top, _ in pairs) / base
    residuals = [top - ratio * bottom for top, bottom in pairs]
    spread = statistics.stdev(residuals) / abs(base) if len(pairs) > 1 else math.nan
    return _around(ratio, spread, len(pairs))


def compare(cells: Iterable[CellRecord], yardsticks: Iterable[YardstickRecord]) -> list[Row]:
    """A row per world, policy and span, in the order in which the cells come."""
    gauges = {(one.yardstick.setting.title, one.yardstick.seed, one.n_requests): one for one in yardsticks}
    groups: dict[tuple[str, str, int], list[CellRecord]] = {}
    for one in cells:
        cell = one.cell
        groups.setdefault((cell.setting.title, cell.policy.name, cell.n_requests), []).append(one)
    return [
        _row(group, [gauges.get((world, one.cell.seed, n_requests)) for one in group], span)
        for (world, _, n_requests), group in groups.items()
        for span in SPANS
    ]


def reference_rows(yardsticks: Iterable[YardstickRecord]) -> list[Row]:
    """A row per world, chooser and span: what choosers reach that need no learning."""
    groups: dict[tuple[str, int], list[YardstickRecord]] = {}
    for one in yardsticks:
        groups.setdefault((one.yardstick.setting.title, one.n_requests), []).append(one)
    return [
        _reference_row(group, name, span)
        for group in groups.values()
        for name in dict.fromkeys(name for one in group for name in one.choosers)
        for span in SPANS
    ]


SPANS: tuple[Span, ...] = ("whole", "last quarter")


def reference_values(yardsticks: Iterable[YardstickRecord], setting: Setting, quantity: Quantity) -> dict[str, float]:
    """Chooser → mean over seeds of what it reaches, per the KPI's unit."""
    found = [one for one in yardsticks if one.yardstick.setting == setting]
    names = list(dict.fromkeys(name for one in found for name in one.choosers))
    return {
        name: mean_over_seeds([value_of(arm_sums(one, name), one.per, quantity) for one in found]).value
        for name in names
    }


def value_of(sums: Sums, per: str, quantity: Quantity) -> float:
    """Reward or KPI per slate, or per whole episode; NaN where there was none."""
    if per == "slate":
        total, n = (sums.reward_sum if quantity == "reward" else sums.kpi_sum), sums.n_slates
    else:
        total, n = (sums.ended_reward_sum if quantity == "reward" else sums.ended_kpi_sum), sums.n_episodes
    return total / n if n else math.nan


def arm_sums(record: Record, arm: str, span: Span = "whole") -> Sums:
    """An arm's or a chooser's sums over all blocks, or over those that begin in the last quarter of the requests."""
    since = 0.0 if span == "whole" else 0.75 * record.n_requests
    return add_up(block for block in record.blocks if block.arm == arm and block.first_request >= since)


def add_up(blocks: Iterable[Block]) -> Sums:
    """Blocks as one."""
    found = list(blocks)
    return Sums(
        n_slates=sum(one.n_slates for one in found),
        n_episodes=sum(one.n_episodes for one in found),
        reward_sum=math.fsum(one.reward_sum for one in found),
        kpi_sum=math.fsum(one.kpi_sum for one in found),
        ended_reward_sum=math.fsum(one.ended_reward_sum for one in found),
        ended_kpi_sum=math.fsum(one.ended_kpi_sum for one in found),
    )


def _row(group: Sequence[CellRecord], gauges: Sequence[YardstickRecord | None], span: Span) -> Row:
    first, policy, per = group[0], group[0].cell.policy, group[0].per
    own = [arm_sums(one, policy.arm, span) for one in group]
    rewards = [value_of(sums, per, "reward") for sums in own]
    kpis = [value_of(sums, per, "kpi") for sums in own]
    bases = [_base(one, span) for one in group]
    lead = UNKNOWN if policy.is_static else ratio_over_seeds(kpis, bases)
    return Row(
        setting=first.cell.setting,
        policy=policy.name,
        arm=policy.arm,
        n_requests=first.cell.n_requests,
        span=span,
        kpi_name=first.kpi_name,
        per=per,
        kpi=mean_over_seeds(kpis),
        reward=mean_over_seeds(rewards),
        gap=_gap(rewards, gauges, span),
        lead=lead._replace(value=lead.value - 1.0, low=lead.low - 1.0, high=lead.high - 1.0),
        seeds=tuple(one.cell.seed for one in group),
        codes=_codes([*group, *(gauge for gauge in gauges if gauge is not None)]),
    )


def _reference_row(group: Sequence[YardstickRecord], name: str, span: Span) -> Row:
    first, own = group[0], [arm_sums(one, name, span) for one in group]
    rewards = [value_of(sums, first.per, "reward") for sums in own]
    return Row(
        setting=first.yardstick.setting,
        policy=name,
        arm=name,
        n_requests=first.n_requests,
        span=span,
        kpi_name=first.kpi_name,
        per=first.per,
        kpi=mean_over_seeds([value_of(sums, first.per, "kpi") for sums in own]),
        reward=mean_over_seeds(rewards),
        gap=_gap(rewards, group, span),
        lead=UNKNOWN,
        seeds=tuple(one.yardstick.seed for one in group),
        codes=_codes(group),
        is_reference=True,
    )


def _codes(records: Sequence[Record]) -> tuple[str, ...]:
    return tuple(sorted({one.code for one in records}))


def _base(record: CellRecord, span: Span) -> float:
    return value_of(arm_sums(record, POPULARITY, span), record.per, "kpi")


def _gap(rewards: Sequence[float], gauges: Sequence[YardstickRecord | None], span: Span) -> Estimate:
    random = [_reached(gauge, "random", span) for gauge in gauges]
    informed = [_reached(gauge, "informed", span) for gauge in gauges]
    gaps = [best - floor for best, floor in zip(informed, random, strict=True)]
    if mean_over_seeds(gaps).value <= 0.0:
        return UNKNOWN
    return ratio_over_seeds([reward - floor for reward, floor in zip(rewards, random, strict=True)], gaps)


def _reached(gauge: YardstickRecord | None, chooser: str, span: Span) -> float:
    return math.nan if gauge is None else value_of(arm_sums(gauge, chooser, span), gauge.per, "reward")


def _around(value: float, spread: float, n: int) -> Estimate:
    if n < 2:
        return Estimate(value, math.nan, math.nan, n)
    half = t_quantile(0.975, n - 1) * spread / math.sqrt(n)
    return Estimate(value, value - half, value + half, n)
