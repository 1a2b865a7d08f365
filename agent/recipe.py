"""The reward recipe: typed, raw feedback in, one reward for each slot out.

The join asks it while it joins, so the log keeps the raw values and a replay with another recipe reshapes them.
Nothing is clipped here: the loop's reward range is applied when an experience becomes a lesson (``agent/lessons.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from agent.loops import FeedbackRule, RewardSettings

BARE_TYPE = "reward"
"""The type of feedback that is only a value; it has weight 1 unless the recipe names it."""


class RewardRecipe:
    """A loop's reward settings, ready to be applied."""

    def __init__(self, settings: RewardSettings) -> None:
        self._default = settings.default
        self._rules = {BARE_TYPE: FeedbackRule(), **settings.recipe}
        self._aggregate = _AGGREGATIONS[settings.aggregation]

    def knows(self, feedback_type: str) -> bool:
        """Whether a rule exists for this type; feedback without one is logged and not learned."""
        return feedback_type in self._rules

    def part(self, feedback_type: str, value: float) -> float:
        """What one piece of feedback adds to the reward: transform, then weight, then cap on the magnitude.

        Returns:
            The part; infinite where a weight without a cap overflows.

        Raises:
            KeyError: if the type has no rule.
        """
        rule = self._rules[feedback_type]
        part = _TRANSFORMS[rule.transform](value) * rule.weight
        return part if rule.cap is None else max(-rule.cap, min(rule.cap, part))

    def reward(self, parts: Sequence[float]) -> float:
        """One slot's reward from its parts, in log order; the default reward where there are none."""
        return self._aggregate(parts) if parts else self._default


def _mean(parts: Sequence[float]) -> float:
    return sum(parts) / len(parts)


def _earliest(parts: Sequence[float]) -> float:
    return parts[0]


def _signed(transform: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: math.copysign(transform(abs(value)), value)


_TRANSFORMS: dict[str, Callable[[float], float]] = {
    "none": float,
    "log1p": _signed(math.log1p),
    "sqrt": _signed(math.sqrt),
    "binary": lambda value: 1.0 if value > 0.0 else 0.0,
}

_AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "earliest": _earliest,
    "sum": sum,
    "mean": _mean,
    "median": median,
    "min": min,
    "max": max,
}
