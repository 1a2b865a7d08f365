"""How attractive a score makes an item: the chance of a click once it is looked at.

In: scores of any shape. Out: chances of the same shape. ``envs/choice.py`` says who looks at what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from envs.world import Floats, WorldError

SLACK = 1e-9
"""How far over 1 rounding may take a chance before it is an error."""


class Attraction(Protocol):
    """Scores → chance of a click on an item that is looked at, in [0, 1]."""

    def __call__(self, scores: Floats) -> Floats:
        """Attraction of each item, the shape of ``scores``.

        Raises:
            WorldError: if a score gives no chance.
        """
        ...


@dataclass(frozen=True, slots=True)
class Exponential:
    """a = c · exp(s), for a score scaling c > 0."""

    score_scaling: float = 1.0

    def __post_init__(self) -> None:
        _positive("score_scaling", self.score_scaling)

    def __call__(self, scores: Floats) -> Floats:
        """As in the class."""
        return _chance(self.score_scaling * np.exp(scores), "score_scaling * exp(score)")


@dataclass(frozen=True, slots=True)
class Proportional:
    """a = c · (s − l), for a score scaling c > 0 and a least score l."""

    score_scaling: float = 1.0
    min_normalizer: float = 0.0

    def __post_init__(self) -> None:
        _positive("score_scaling", self.score_scaling)

    def __call__(self, scores: Floats) -> Floats:
        """As in the class."""
        return _chance(self.score_scaling * (scores - self.min_normalizer), "score_scaling * (score - min_normalizer)")


@dataclass(frozen=True, slots=True)
class Logistic:
    """a = 1 / (1 + exp(−(s + b))), for a bias b; any score will do."""

    bias: float = 0.0

    def __call__(self, scores: Floats) -> Floats:
        """As in the class."""
        half: Floats = 0.5 * np.tanh(0.5 * (scores + self.bias)) + 0.5
        return half


def _positive(name: str, value: float) -> None:
    if not 0.0 < value < np.inf:
        raise WorldError(f"{name}={value} must be positive and finite")


def _chance(values: Floats, equation: str) -> Floats:
    worst = values.max()
    if not (worst <= 1.0 + SLACK and values.min() >= 0.0):
        outside = worst if not worst <= 1.0 + SLACK else values.min()
        raise WorldError(
            f"{equation} is {outside:.6g} and must be a chance in [0, 1]: change the scaling or the scores"
        )
    return np.minimum(values, 1.0)
