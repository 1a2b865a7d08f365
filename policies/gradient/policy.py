"""The serving side of the policy gradient: slots are filled by a softmax over the scores of what is left.

In: requests, and a snapshot's bytes. Out: distributions: the exact conditional probabilities of a Plackett–Luce slate.
NumPy alone; a replica never imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.base import Action, Context, Distribution, Mask, Slot
from policies.gradient.draws import Scores, softmax
from policies.gradient.options import GradientOptions
from policies.gradient.snapshot import Snapshot
from policies.neural.dense import DenseEncoder

_DIGITS = 4
"""Scores are rounded, so that how many actions are offered together can't change them in their last digits."""


class GradientPolicy:
    """One snapshot."""

    def __init__(self, options: GradientOptions, blob: bytes) -> None:
        """Load a snapshot.

        Raises:
            PolicyError: if the bytes are no snapshot of this kind.
        """
        self._temperature, self._known = options.temperature, Snapshot.from_bytes(blob)

    @property
    def encoder(self) -> DenseEncoder | None:
        """Of contexts and actions; None where nothing was learned yet."""
        return self._known.encoder

    def prepare(self, context: Context, actions: Sequence[Action]) -> GradientPrepared:
        """Score all actions once."""
        encoder, scorer = self._known.encoder, self._known.scorer
        if encoder is None or scorer is None:
            return GradientPrepared(np.zeros(len(actions)))
        scores = scorer(encoder.context(context), encoder.actions(actions))
        return GradientPrepared(np.round(scores.astype(np.float64), _DIGITS) / self._temperature)


class GradientPrepared:
    """One request."""

    def __init__(self, scores: Scores) -> None:
        self.n_actions = len(scores)
        self._scores = scores

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """The same for every slot, but for what is left."""
        found = np.zeros(self.n_actions)
        found[eligible] = softmax(self._scores[eligible])
        return found
