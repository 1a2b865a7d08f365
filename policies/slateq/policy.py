"""SlateQ served: slates filled slot by slot, with the true probability of each action given the slots before it.

In: requests, and a snapshot. Out: distributions. An action's gain is what it adds to the slate: with ``search`` exact,
w (q − λ), where λ is what the best slate is worth that begins with the actions chosen so far; so the actions of the
greatest gain, one after the other, are the best slate. An explorer makes a distribution of the gains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policies import explorers
from policies.base import Action, Context, Distribution, Mask, Slot
from policies.neural.forward import Floats
from policies.slateq.model import Prospects, SlateQModel
from policies.slateq.options import SlateQOptions
from policies.slateq.snapshot import Snapshot

Array = NDArray[np.float64]

_N_ROUNDS = 4
_NO_SPREAD = 1e-9
"""Gains that differ by less are alike."""


class SlateQPolicy:
    """The serving side.

    Attributes:
        options: How slates are found and explored.
        model: What items are worth.
        encoder: Of contexts and actions.
    """

    def __init__(self, options: SlateQOptions, blob: bytes) -> None:
        """Load a snapshot.

        Raises:
            PolicyError: if the bytes are no snapshot of this kind.
        """
        found = Snapshot.from_bytes(blob)
        self.options, self.model, self.encoder = options, found.model, found.encoder

    @property
    def n_slots(self) -> int:
        """Slots of the slates that it was trained on; gains take slates for that long, or longer if they are."""
        return len(self.model.slots)

    def prepare(self, context: Context, actions: Sequence[Action]) -> SlateQPrepared:
        """Encode context and actions, and value the actions, once."""
        known = self.encoder.context(context).astype(np.float64)
        offered = self.encoder.actions(actions).astype(np.float64)
        return SlateQPrepared(self.options, self.model, self.model.prospects(known, offered))


class SlateQPrepared:
    """One request."""

    def __init__(self, options: SlateQOptions, model: SlateQModel, prospects: Prospects) -> None:
        weights, values, nothing = prospects
        self.n_actions = len(weights)
        self._options = options
        self._looks: list[float] = model.slots.tolist()
        self._weights, self._values = _rounded(weights), _rounded(values)
        self._nothing = round(float(nothing), explorers.DIGITS)

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """Compares the eligible actions alone; what a slot says of itself but its number changes nothing."""
        result = np.zeros(self.n_actions)
        result[eligible] = self._shares(self._gains(chosen, eligible))
        return result

    def _shares(self, gains: Array) -> Array:
        options = self._options
        if options.explorer == "epsilon":
            return explorers.greedy(gains, options.epsilon)
        off = gains - gains.sum() / len(gains)
        spread = options.temperature * math.sqrt(off @ off / len(gains))
        return explorers.softmax(gains, 1.0 / spread) if spread > _NO_SPREAD else explorers.greedy(gains, 0.0)

    def _gains(self, chosen: Sequence[int], eligible: Mask) -> Array:
        """What each eligible action would add here, (n_eligible,)."""
        weights, values = self._weights[eligible], self._values[eligible]
        if self._options.search == "exact":
            level = self._level(chosen, eligible)
        elif self._options.search == "top-k":
            level = self._nothing
        else:
            gained, looked = self._of_chosen(chosen)
            shown = weights * self._look(len(chosen))
            return np.asarray((gained + shown * values) / (looked + shown))
        values -= level
        values *= weights
        return values

    def _of_chosen(self, chosen: Sequence[int]) -> tuple[float, float]:
        """Σ w q and Σ w of no click and the actions chosen so far."""
        gained, looked = self._nothing, 1.0
        for number, index in enumerate(chosen):
            weight = float(self._weights[index]) * self._look(number)
            gained += weight * float(self._values[index])
            looked += weight
        return gained, looked

    def _look(self, number: int) -> float:
        """How much a slot multiplies weights; those beyond the slates it was trained on are as the last of these."""
        return self._looks[min(number, len(self._looks) - 1)]

    def _level(self, chosen: Sequence[int], eligible: Mask) -> float:
        """What the best slate is worth that begins with ``chosen`` and goes on with eligible actions."""
        gained, looked = self._of_chosen(chosen)
        could = eligible.nonzero()[0]
        weights, values = self._weights[could], self._values[could]
        n_left = min(max(len(self._looks) - len(chosen), 1), len(could))
        looks = [self._look(len(chosen) + number) for number in range(n_left)]
        level, best = gained / looked, [-1]
        for _ in range(_N_ROUNDS):
            found = (weights * (level - values)).argsort(kind="stable")[:n_left].tolist()
            if found == best:
                break
            best, above, below = found, gained, looked
            for look, index in zip(looks, found, strict=True):
                shown = look * float(weights[index])
                above += shown * float(values[index])
                below += shown
            level = above / below
        return level


def _rounded(values: Floats) -> Array:
    """Alike where rounding alone differs: sums may round differently beside other actions."""
    return np.asarray(np.round(values, explorers.DIGITS), dtype=np.float64)
