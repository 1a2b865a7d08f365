"""When to pick which: a few situations, a set for each, and what the contenders reached there.

In: cells of these sets, and what decisions cost. Out: a ``Verdict`` each; nothing is claimed that was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.bakeoff import Results, Score, Standing
from simulator.cells import PolicyChoice
from simulator.costs import FEW, MANY, Cost
from simulator.experiments import Experiment
from simulator.stages import Stage, Wanted, settle

AS_GOOD = 0.98
"""A share of the best from here on counts as just as good."""

MOST_SEEDS, MOST_REQUESTS = 3, 2500

_SITUATIONS: Mapping[str, Wanted] = {
    "a few items, described by a few words each": Wanted("news", "news, 10 of 48 articles"),
    "a large catalogue, many candidates": Wanted("news", "news, 100 of 400 articles", n_candidates=MANY),
    "features are many rare words": Wanted("words", "words, 12 of 3,480 a row"),
    "nothing ever changes": Wanted("news", "news without drift and churn", options={"drift": 0, "churn": 0}),
    "everything changes fast": Wanted("news", "news, 24 breaking topics a day", options={"drift": 24, "churn": 8}),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found for one situation.

    Attributes:
        set_name: Where it was measured.
        scores: The best first.
        pick: The cheapest to decide with among those that learn and are as good as the best, or None.
        is_certain: Whoever learns and isn't as good is worse than the best beyond the interval over seeds.
        decide_us: What the pick's decision costs; None where it wasn't measured.
    """

    situation: str
    set_name: str
    n_seeds: int
    scores: tuple[Score, ...]
    pick: str | None
    is_certain: bool
    decide_us: float | None


def stages(policies: tuple[PolicyChoice, ...], *, n_requests: int, n_seeds: int) -> dict[str, Stage]:
    """Situation → where it is measured."""
    n, seeds = min(n_requests, MOST_REQUESTS), min(n_seeds, MOST_SEEDS)
    return {name: settle(one, policies, n_requests=n, n_seeds=seeds) for name, one in _SITUATIONS.items()}


def verdicts(found: Mapping[str, Stage], done: Experiment, costs: Mapping[str, Cost]) -> list[Verdict]:
    """One for each situation that is finished."""
    return [
        _verdict(situation, stage, results.scores(), costs)
        for situation, stage in found.items()
        if (results := Results(stage, done)).best is not None
    ]


def cheapest(found: Sequence[Standing]) -> Standing | None:
    """Of those that learn, the one whose decisions cost least."""
    known = [one for one in found if one.cost is not None and not one.is_static and not math.isnan(one.share.value)]
    return min(known, key=lambda one: one.cost.decide_us if one.cost else math.inf, default=None)


def _verdict(situation: str, stage: Stage, scores: Sequence[Score], costs: Mapping[str, Cost]) -> Verdict:
    known = sorted((one for one in scores if not math.isnan(one.share.value)), key=lambda one: -one.share.value)
    learning = {policy.name for policy in stage.policies if not policy.is_static}
    is_many = stage.setting.n_candidates > 2 * FEW

    def decide_us(name: str) -> float:
        if name not in costs:
            return math.inf
        return costs[name].decide_many_us if is_many else costs[name].decide_us

    mine = [one for one in known if one.policy in learning]
    good = [one.policy for one in mine if one.share.value >= AS_GOOD]
    is_certain = all(one.policy in good or one.share.high < 1.0 for one in mine)
    pick = min(good, key=decide_us, default=None)
    cost = None if pick is None or math.isinf(decide_us(pick)) else decide_us(pick)
    return Verdict(situation, stage.name, stage.n_seeds, tuple(known), pick, is_certain, cost)
