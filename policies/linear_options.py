"""The options of the linear bandit: checked all at once, with their defaults.

In: the ``options`` of a loop's policy settings. Out: ``LinearOptions``, or a list of everything wrong with them. The
defaults come from a bake-off on recorded data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from policies.base import PolicyError
from policies.option_checks import Check, field_problems, number, one_of, or_none, unread_problems, whole

EXPLORERS = {
    "randucb": {"scale", "draws"},
    "thompson": {"scale", "draws"},
    "squarecb": {"gamma_scale", "gamma_exponent"},
    "softmax": {"lambda"},
    "epsilon": {"epsilon"},
}
"""Explorer → the options that only it (or its like) reads."""

MODELS = ("auto", "shared", "disjoint", "hybrid")

SCALES = {"randucb": 1.0, "thompson": 0.5}
"""``scale`` where nothing is said."""


@dataclass(frozen=True)
class LinearOptions:
    """What to learn, and how to explore.

    Attributes:
        explorer: ``randucb``, ``thompson``, ``squarecb``, ``softmax`` or ``epsilon``.
        model: ``shared``: all actions share their weights. ``disjoint``: each has its own weights of the context.
            ``hybrid``: both. ``auto``: hybrid while the actions are few enough for their own weights to be kept.
        scale: randucb, thompson: how wide beliefs are taken to be, in their standard deviations; None is ``SCALES``.
        draws: randucb: levels of optimism; thompson: draws from the posterior. Probabilities are multiples of 1/draws.
        epsilon: epsilon: share of uniform choice, beside the loop's own floor.
        lambda_: ``lambda`` of softmax: larger is greedier, on rewards scaled to a range of 1.
        gamma_scale: squarecb: larger is greedier.
        gamma_exponent: squarecb: how fast it becomes greedier with the lessons learned.
        prior_weight: How many lessons of an average size the prior's zero weights count as; None learns it, for each
            kind of feature, from the evidence.
        forgetting: Each lesson makes all before it count this much; 0.999 remembers about a thousand.
        dimensions: Shared features at most.
    """

    explorer: str = "randucb"
    model: str = "auto"
    scale: float | None = None
    draws: int = 64
    epsilon: float = 0.05
    lambda_: float = 20.0
    gamma_scale: float = 100.0
    gamma_exponent: float = 0.5
    prior_weight: float | None = None
    forgetting: float = 1.0
    dimensions: int = 256

    @property
    def width(self) -> float:
        """``scale``, or this explorer's own."""
        return SCALES.get(self.explorer, 0.0) if self.scale is None else self.scale


def problems(options: Mapping[str, Any]) -> list[str]:
    """Everything wrong with the options, each with field, value and cure."""
    explorer = options.get("explorer", LinearOptions.explorer)
    return field_problems(_CHECKS, options) or unread_problems(EXPLORERS, explorer, options)


def parse(options: Mapping[str, Any]) -> LinearOptions:
    """The options over the defaults.

    Raises:
        PolicyError: naming everything wrong with them.
    """
    found = problems(options)
    if found:
        raise PolicyError("; ".join(found))
    return LinearOptions(**{_FIELDS[name]: value for name, value in options.items()})


_CHECKS: dict[str, Check] = {
    "explorer": one_of(*EXPLORERS),
    "model": one_of(*MODELS),
    "scale": or_none(number(0.0, 100.0)),
    "draws": whole(8, 1024),
    "epsilon": number(0.0, 1.0),
    "lambda": number(0.0, 1e4),
    "gamma_scale": number(1e-6, 1e6),
    "gamma_exponent": number(0.0, 1.0),
    "prior_weight": or_none(number(1e-3, 1e6)),
    "forgetting": number(0.5, 1.0),
    "dimensions": whole(16, 2048),
}
_FIELDS = {field.name.rstrip("_"): field.name for field in fields(LinearOptions)}
