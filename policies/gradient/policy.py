"""The serving side of the policy gradient: slots are filled by a softmax over the scores of what is left.

In: requests, and a snapshot's bytes. Out: distributions: the exact conditional probabilities of a Plackett–Luce slate.
NumPy alone; a replica never imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.base import Action, Context, Distribution, Mask, Slot
from policies.explorers import DIGITS
from policies.gradient.draws import Scores, softmax
from policies.gradient.options import GradientOptions
from policies.gradient.snapshot import Snapshot
from policies.neural.dense import DenseEncoder
from policies.neural.item_rows import ItemRows

_LEAST = 1e-200
"""Odds of all that is left, beside the likeliest action: below this they lose digits."""


class GradientPolicy:
    """One snapshot."""

    def __init__(self, options: GradientOptions, blob: bytes) -> None:
        """Load a snapshot.

        Raises:
            PolicyError: if the bytes are no snapshot of this kind.
        """
        self._temperature, self._known = options.temperature, Snapshot.from_bytes(blob)
        encoder, scorer = self._known.encoder, self._known.scorer
        self._rows = None if encoder is None or scorer is None else ItemRows(encoder, scorer.items)

    @property
    def encoder(self) -> DenseEncoder | None:
        """Of contexts and actions; None where nothing was learned yet."""
        return self._known.encoder

    def prepare(self, context: Context, actions: Sequence[Action]) -> GradientPrepared:
        """Score all actions once."""
        encoder, scorer, rows = self._known.encoder, self._known.scorer, self._rows
        if encoder is None or scorer is None or rows is None:
            return GradientPrepared(np.zeros(len(actions)))
        scores = scorer.scores(encoder.context(context).astype(np.float64), rows.of(actions))
        # Rounded: sums may round differently beside other actions.
        return GradientPrepared(scores.round(DIGITS) / self._temperature)


class GradientPrepared:
    """One request."""

    def __init__(self, scores: Scores) -> None:
        self.n_actions = len(scores)
        self._scores = scores
        self._odds = np.exp(scores - scores.max(initial=-np.inf))

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """The same for every slot, but for what is left."""
        odds: Distribution = self._odds * eligible
        total = np.add.reduce(odds)
        if total < _LEAST:
            odds = np.zeros(self.n_actions)
            odds[eligible] = softmax(self._scores[eligible])
            return odds
        odds /= total
        return odds
