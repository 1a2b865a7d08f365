"""SlateQ served: slates filled slot by slot, with the true probability of each action given the slots before it.

In: requests, and a snapshot. Out: distributions. An action's gain is what it adds to the slate: with ``search`` exact,
w (q − λ), where λ is what the best slate is worth that begins with the actions chosen so far; so the actions of the
greatest gain, one after the other, are the best slate. An explorer makes a distribution of the gains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from policies import explorers
from policies.base import Action, Context, Distribution, Mask, Slot
from policies.neural.item_rows import ItemRows
from policies.slateq.model import Prospects
from policies.slateq.options import SlateQOptions
from policies.slateq.slot_gains import Array, Best, Worths
from policies.slateq.snapshot import Snapshot

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
        self._rows = ItemRows(found.encoder, found.model.rows)
        self._looks: list[float] = found.model.slots.tolist()

    @property
    def n_slots(self) -> int:
        """Slots of the slates that it was trained on; those beyond are looked at as the last of these."""
        return len(self._looks)

    def prepare(self, context: Context, actions: Sequence[Action]) -> SlateQPrepared:
        """Encode context and actions, and value the actions, once."""
        known = self.encoder.context(context).astype(np.float64)
        found = self.model.prospects_of(known, self._rows.of(actions))
        return SlateQPrepared(self.options, _rounded(found, self._looks))


class SlateQPrepared:
    """One request for a slate as long as those that were trained on, unless ``of_length`` says another length."""

    def __init__(self, options: SlateQOptions, worths: Worths) -> None:
        self.n_actions = len(worths.weights)
        self._options, self._worths = options, worths
        self._best: Best | None = None

    def of_length(self, n_slots: int) -> SlateQPrepared:
        """The same request for a slate of so many slots: what belongs into the first may depend on how many follow."""
        worths, known = self._worths, self._worths.looks
        if n_slots == len(known):
            return self
        looks = [known[min(number, len(known) - 1)] for number in range(max(n_slots, 1))]
        return SlateQPrepared(self._options, Worths(worths.weights, worths.values, worths.nothing, looks))

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """Compares the eligible actions alone; what a slot says of itself but its number changes nothing."""
        if len(chosen) >= len(self._worths.looks):
            return self.of_length(len(chosen) + 1).distribution(slot, chosen, eligible)
        result = np.zeros(self.n_actions)
        result[eligible] = self._shares(self._gains(chosen, eligible))
        return result

    def _shares(self, gains: Array) -> Array:
        options = self._options
        if options.explorer == "epsilon":
            return explorers.greedy(gains, options.epsilon)
        off = gains - np.add.reduce(gains) / len(gains)
        spread = options.temperature * math.sqrt(off @ off / len(gains))
        return explorers.softmax(gains, 1.0 / spread) if spread > _NO_SPREAD else explorers.greedy(gains, 0.0)

    def _gains(self, chosen: Sequence[int], eligible: Mask) -> Array:
        """What each eligible action would add here, (n_eligible,)."""
        worths = self._worths
        if self._options.search == "greedy":
            return worths.ratio(chosen)[eligible]
        level = worths.nothing if self._options.search == "top-k" else self._level(tuple(chosen), eligible)
        return worths.placed(worths.over(level)[eligible], len(chosen))

    def _level(self, chosen: tuple[int, ...], eligible: Mask) -> float:
        """What the best slate is worth that begins with ``chosen``."""
        worths, n_chosen = self._worths, len(chosen)
        if self._best is None:
            everything = np.ones(self.n_actions, dtype=np.bool_)
            self._best = worths.best((), everything, worths.nothing)
        slate, level = self._best
        if slate[:n_chosen] == chosen and all([eligible[index] for index in slate[n_chosen:]]):
            return level
        if n_chosen + 1 == len(worths.looks):
            return float(np.maximum.reduce(worths.ratio(chosen)[eligible]))
        return worths.best(chosen, eligible, level).level


def _rounded(found: Prospects, looks: Sequence[float]) -> Worths:
    """Alike where rounding alone differs: sums may round differently beside other actions."""
    weights: Array = np.asarray(found.weights, dtype=np.float64).round(explorers.DIGITS)
    values: Array = np.asarray(found.values, dtype=np.float64).round(explorers.DIGITS)
    return Worths(weights, values, round(float(found.nothing), explorers.DIGITS), looks)
