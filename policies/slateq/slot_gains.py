"""What each action adds to a slate that is being filled, for one request; ``search.py`` finds whole slates of many.

In: weights and values of the actions of a request, and the slate so far. Out: gains; the greatest is that of the action
that belongs into the next slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.base import Mask

Array = NDArray[np.float64]


class Best(NamedTuple):
    """A slate of the greatest worth.

    Attributes:
        slate: The actions in the order of their slots, those that were chosen before included.
        level: What the slate is worth, λ.
    """

    slate: tuple[int, ...]
    level: float


class Worths(NamedTuple):
    """What the actions of a request are worth; see ``model.Prospects``.

    Attributes:
        weights: (n_actions,).
        values: (n_actions,).
        nothing: Value of no click, whose weight is 1.
        looks: What each slot of the slate multiplies weights by, in any order.
    """

    weights: Array
    values: Array
    nothing: float
    looks: Sequence[float]

    def over(self, level: float) -> Array:
        """Each action's w (q − λ)."""
        gains = self.values - level
        gains *= self.weights
        return gains

    def ratio(self, chosen: Sequence[int]) -> Array:
        """What the slate is worth with each action in the next slot, were that the last one."""
        gained, looked = self._begun(chosen)
        shown = self.weights * self.looks[len(chosen)]
        found = shown * self.values
        found += gained
        shown += looked
        found /= shown
        return found

    def best(self, chosen: Sequence[int], eligible: Mask, start: float) -> Best:
        """The best slate that begins with ``chosen`` and goes on with eligible actions.

        Args:
            chosen: Fills the first slots.
            eligible: (n_actions,): none of ``chosen``, at least one.
            start: A guess at λ, any; the better it is, the sooner the answer.

        Source: W. Dinkelbach, as in ``search.py``.
        """
        offered = np.where(eligible, self.values, -np.inf)
        left = self.looks[len(chosen) : len(chosen) + int(np.count_nonzero(eligible))]
        most = sorted(range(len(left)), key=left.__getitem__, reverse=True)
        looks, begun = [left[place] for place in most], self._begun(chosen)
        found, level, least = list[int](), start, -np.inf
        while True:
            losses = level - offered
            losses *= self.weights
            again: list[int] = losses.argsort(kind="stable")[: len(looks)].tolist()
            gained, looked = self._with(begun, again, looks)
            higher = gained / looked
            if again == found or higher <= least:
                break
            found, level, least = again, higher, higher
        slots = dict(zip(most, found, strict=True))
        return Best((*chosen, *(slots[place] for place in range(len(most)))), level)

    def placed(self, gains: Array, n_chosen: int) -> Array:
        """Gains of eligible actions (n_eligible,) for the next slot: less for what belongs into a later one.

        The greatest gain belongs where users look most, and so on: if r later slots are looked at more than the next
        one, the action that belongs here is the one with r above it. Those above are mirrored at it, since the more one
        of them is worth, the more is lost by having it here.
        """
        left = self.looks[n_chosen : n_chosen + len(gains)]
        rank = sum([look > left[0] for look in left])
        if not rank:
            return gains
        here = np.sort(gains)[-1 - rank]
        mirrored: Array = here - np.abs(gains - here)
        return mirrored

    def _begun(self, chosen: Sequence[int]) -> tuple[float, float]:
        """Σ w q and Σ w of no click and of what fills the first slots."""
        return self._with((self.nothing, 1.0), chosen, self.looks[: len(chosen)])

    def _with(self, sums: tuple[float, float], actions: Sequence[int], looks: Sequence[float]) -> tuple[float, float]:
        """The same, with these actions under these looks."""
        gained, looked = sums
        for look, index in zip(looks, actions, strict=True):
            shown = look * self.weights.item(index)
            gained += shown * self.values.item(index)
            looked += shown
        return gained, looked
