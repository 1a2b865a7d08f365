"""How users pick from a slate: choice models as parts that can be swapped, for all users at once.

In: scores of the slate's items, shape (n_users, n_slots) in slot order. Out: the exact chance of a click in each slot
and of none at all, and a draw of clicks from uniform numbers that the caller draws.

Two families. A *multinomial* user weighs all items and "nothing" against each other and clicks at most one. The others
see items as more or less *attractive*, each for itself, and differ in how far down they look: a *cascade* user stops at
the first click, a *dependent click* user may go on after it, a *position-based* user looks at each slot with a chance
of its own. ``envs/attraction.py`` turns scores into chances of a click on an item that is looked at.

Sources: multinomial and cascade models as in RecSim (Ie et al. 2019, "RecSim: A Configurable Simulation Platform for
Recommender Systems"); cascade: Craswell et al. 2008, "An experimental comparison of click position-bias
models"; position-based: Richardson et al. 2007, "Predicting clicks"; dependent click: Guo, Liu and Wang 2009,
"Efficient multiple-click models in web search". Chuklin, Markov and de Rijke 2015, "Click Models for Web Search",
has all of the second family in one notation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from envs.attraction import Attraction, Exponential, Logistic, Proportional
from envs.spelling import meant
from envs.world import Flags, Floats, WorldError

__all__ = [
    "MODELS",
    "Attraction",
    "Cascade",
    "Chances",
    "ChoiceModel",
    "DependentClick",
    "Exponential",
    "Logistic",
    "MultinomialLogit",
    "MultinomialProportional",
    "PositionBased",
    "Proportional",
    "choice_model",
    "exponential_cascade",
    "pick",
    "proportional_cascade",
]


class Chances(NamedTuple):
    """What may happen, exactly.

    Attributes:
        clicks: (n_users, n_slots): chance of a click in each slot, whatever happens in the others.
        nothing: (n_users,): chance that nothing is clicked.
    """

    clicks: Floats
    nothing: Floats


@runtime_checkable
class ChoiceModel(Protocol):
    """How users pick from a slate.

    Attributes:
        several: Whether one slate may get more than one click.
    """

    several: ClassVar[bool]

    def chances(self, scores: Floats) -> Chances:
        """Exact chances for scores (n_users, n_slots).

        Raises:
            WorldError: if a score can't be turned into a chance.
        """
        ...

    def n_uniforms(self, n_slots: int) -> int:
        """How many uniform numbers a draw takes per user; the same whatever the scores."""
        ...

    def clicks(self, scores: Floats, chances: Chances, uniforms: Floats) -> Flags:
        """Clicks (n_users, n_slots), drawn with uniforms in [0, 1), shape (n_users, n_uniforms)."""
        ...


def pick(model: ChoiceModel, scores: Floats, dice: np.random.Generator) -> tuple[Flags, Chances]:
    """Draw clicks and say how likely they were."""
    chances = model.chances(scores)
    uniforms = dice.random((len(scores), model.n_uniforms(scores.shape[1])))
    return model.clicks(scores, chances, uniforms), chances


@dataclass(frozen=True, slots=True)
class _AtMostOne:
    """Draws one outcome, a slot or nothing, of a distribution over them."""

    several: ClassVar[bool] = False

    def n_uniforms(self, n_slots: int) -> int:
        """One, whatever the slate."""
        return 1

    def clicks(self, scores: Floats, chances: Chances, uniforms: Floats) -> Flags:
        """The slot within whose stretch of [0, 1) the uniform number falls; the rest of it is no click."""
        ends = np.add.accumulate(chances.clicks, axis=1)
        past: Flags = uniforms < ends
        past[:, 1:] ^= past[:, :-1]
        return past


@dataclass(frozen=True, slots=True)
class MultinomialLogit(_AtMostOne):
    """P(slot i) = exp(s_i) / (exp(m) + Σ exp(s_j)).

    Attributes:
        no_click_mass: m, the logit of clicking nothing; minus infinity: something is always clicked.
    """

    no_click_mass: float = -np.inf

    def __post_init__(self) -> None:
        if not self.no_click_mass < np.inf:
            raise WorldError(f"no_click_mass={self.no_click_mass} must be a number below infinity")

    def weights(self, scores: Floats) -> tuple[Floats, Floats]:
        """Weights of the items (n_users, n_items) and of no click (n_users,), scaled so that none overflows."""
        top = np.maximum(scores.max(axis=1), self.no_click_mass)
        return np.exp(scores - top[:, np.newaxis]), np.exp(self.no_click_mass - top)

    def chances(self, scores: Floats) -> Chances:
        """As in the class."""
        return _shares(*self.weights(scores))


@dataclass(frozen=True, slots=True)
class MultinomialProportional(_AtMostOne):
    """P(slot i) = (s_i − l) / (m − l + Σ (s_j − l)).

    Attributes:
        min_normalizer: l, at most the least score.
        no_click_mass: m, the score of clicking nothing.
    """

    min_normalizer: float = 0.0
    no_click_mass: float = 0.0

    def __post_init__(self) -> None:
        if not self.no_click_mass >= self.min_normalizer:
            raise WorldError(
                f"no_click_mass={self.no_click_mass} must not be below min_normalizer={self.min_normalizer}"
            )

    def weights(self, scores: Floats) -> tuple[Floats, Floats]:
        """Weights of the items (n_users, n_items) and of no click (n_users,).

        Raises:
            WorldError: if a score is below ``min_normalizer``.
        """
        return self._of_items(scores), np.full(len(scores), self.no_click_mass - self.min_normalizer)

    def chances(self, scores: Floats) -> Chances:
        """As in the class; where all weights are 0, nothing is clicked."""
        weights = self._of_items(scores)
        if self.no_click_mass == self.min_normalizer:
            return _shares(weights, np.where(weights.any(axis=1), 0.0, 1.0))
        return _shares(weights, self.no_click_mass - self.min_normalizer)

    def _of_items(self, scores: Floats) -> Floats:
        weights = scores - self.min_normalizer
        if np.minimum.reduce(weights, axis=None) < 0.0:
            raise WorldError(
                f"score {scores.min():.6g} is below min_normalizer={self.min_normalizer:g}: set that to the least score"
            )
        return weights


def _shares(weights: Floats, nothing: Floats | float) -> Chances:
    total = np.add.reduce(weights, axis=1) + nothing
    return Chances(weights / total[:, np.newaxis], nothing / total)


@dataclass(frozen=True, slots=True)
class Cascade(_AtMostOne):
    """Looks at the slots in order and leaves at the first click: P(slot k) = e·a_k · Π_{j<k} (1 − e·a_j).

    Attributes:
        attraction: a, from scores.
        attention: e, the chance that a slot that is reached is looked at.
    """

    attraction: Attraction
    attention: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.attention <= 1.0:
            raise WorldError(f"attention={self.attention} must be in (0, 1]")

    def chances(self, scores: Floats) -> Chances:
        """As in the class; nothing is clicked with Π (1 − e·a_k)."""
        attractive = self.attention * self.attraction(scores)
        left = np.multiply.accumulate(1.0 - attractive, axis=1)
        clicks = attractive.copy()
        clicks[:, 1:] *= left[:, :-1]
        return Chances(clicks, left[:, -1].copy())


@dataclass(frozen=True, slots=True)
class PositionBased:
    """Looks at slot k with chance e_k, at each independently: P(slot k) = e_k·a_k. Several clicks are possible.

    Attributes:
        attraction: a, from scores.
        examination: e, one chance per slot; the last one holds for all slots below. Empty: e_k = 1 / (k + 1) for k
            from 0, the inverse rank that Joachims, Swaminathan and Schnabel 2017 ("Unbiased Learning-to-Rank with
            Biased Feedback") simulate with.
    """

    several: ClassVar[bool] = True
    attraction: Attraction
    examination: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _all_chances("examination", self.examination)

    def examined(self, n_slots: int) -> Floats:
        """Chances of a look at each of so many slots, (n_slots,)."""
        if not self.examination:
            return 1.0 / np.arange(1.0, n_slots + 1.0)
        return _for_slots(self.examination, n_slots)

    def chances(self, scores: Floats) -> Chances:
        """As in the class; nothing is clicked with Π (1 − e_k·a_k)."""
        clicks = self.examined(scores.shape[1]) * self.attraction(scores)
        return Chances(clicks, np.multiply.reduce(1.0 - clicks, axis=1))

    def n_uniforms(self, n_slots: int) -> int:
        """One per slot."""
        return n_slots

    def clicks(self, scores: Floats, chances: Chances, uniforms: Floats) -> Flags:
        """Each slot for itself."""
        clicked: Flags = uniforms < chances.clicks
        return clicked


@dataclass(frozen=True, slots=True)
class DependentClick:
    """Looks at the slots in order; after a click in slot k goes on with chance λ_k, without a click always.

    Slot k is looked at with chance E_k, where E_0 = 1 and E_{k+1} = E_k · (1 − a_k + a_k·λ_k); P(slot k) = E_k·a_k.

    Attributes:
        attraction: a, from scores.
        continuation: λ, one chance per slot; the last one holds for all slots below.
    """

    several: ClassVar[bool] = True
    attraction: Attraction
    continuation: tuple[float, ...] = (0.5,)

    def __post_init__(self) -> None:
        if not self.continuation:
            raise WorldError("continuation=() must hold a chance of going on after a click")
        _all_chances("continuation", self.continuation)

    def chances(self, scores: Floats) -> Chances:
        """As in the class; nothing is clicked with Π (1 − a_k): without a click the user sees it all."""
        attractive = self.attraction(scores)
        going_on = _for_slots(self.continuation, scores.shape[1])
        reached = np.multiply.accumulate(1.0 - attractive * (1.0 - going_on), axis=1)
        clicks = attractive.copy()
        clicks[:, 1:] *= reached[:, :-1]
        return Chances(clicks, np.multiply.reduce(1.0 - attractive, axis=1))

    def n_uniforms(self, n_slots: int) -> int:
        """Two per slot: is it clicked, does the user go on."""
        return 2 * n_slots

    def clicks(self, scores: Floats, chances: Chances, uniforms: Floats) -> Flags:
        """Clicks on what attracts, until the user leaves after one of them."""
        n_slots = scores.shape[1]
        attracted: Flags = uniforms[:, :n_slots] < self.attraction(scores)
        leaves = attracted & (uniforms[:, n_slots:] >= _for_slots(self.continuation, n_slots))
        attracted[:, 1:] &= ~np.logical_or.accumulate(leaves, axis=1)[:, :-1]
        return attracted


def exponential_cascade(*, score_scaling: float = 1.0, attention: float = 1.0) -> Cascade:
    """A cascade whose attraction is ``score_scaling * exp(score)``."""
    return Cascade(Exponential(score_scaling), attention)


def proportional_cascade(*, score_scaling: float = 1.0, min_normalizer: float = 0.0, attention: float = 1.0) -> Cascade:
    """A cascade whose attraction is ``score_scaling * (score - min_normalizer)``."""
    return Cascade(Proportional(score_scaling, min_normalizer), attention)


MODELS: Mapping[str, Callable[..., ChoiceModel]] = {
    "multinomial-logit": MultinomialLogit,
    "multinomial-proportional": MultinomialProportional,
    "exponential-cascade": exponential_cascade,
    "proportional-cascade": proportional_cascade,
    "position-based": partial(PositionBased, attraction=Logistic()),
    "dependent-click": partial(DependentClick, attraction=Logistic()),
}
"""Name → constructor; the last two take any ``attraction``, and are logistic without."""


def choice_model(name: str, **parameters: Any) -> ChoiceModel:
    """A choice model by its name in ``MODELS``.

    Raises:
        WorldError: if there is no such model, or it has no such parameter, or the value can't be.
    """
    if name not in MODELS:
        raise WorldError(f"choice={name!r} doesn't exist; there are {', '.join(MODELS)}{meant(name, MODELS)}")
    try:
        return MODELS[name](**parameters)
    except TypeError as error:
        raise WorldError(f"choice={name!r} can't be made with {parameters}: {error}") from error


def _all_chances(name: str, values: Sequence[float]) -> None:
    if not all(0.0 <= value <= 1.0 for value in values):
        raise WorldError(f"{name}={values} must hold chances in [0, 1]")


def _for_slots(values: Sequence[float], n_slots: int) -> Floats:
    return np.array([values[min(slot, len(values) - 1)] for slot in range(n_slots)])
