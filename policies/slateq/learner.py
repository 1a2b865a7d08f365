"""SlateQ learned from the log: whoever's decisions, session by session.

In: lessons in log order, and session ends. Out: state, and snapshots that serve. ``policies/neural/block_learner.py``
does what all agents do the same way.
"""

from __future__ import annotations

import numpy as np

from policies.base import Action, Context
from policies.neural.block_learner import BlockLearner, Saved
from policies.neural.dense import DenseEncoder
from policies.neural.nets import arrays_of
from policies.slateq import snapshot
from policies.slateq.net import Sizes, SlateQNet
from policies.slateq.options import SlateQOptions
from policies.slateq.trained import Trained


class SlateQLearner(BlockLearner[SlateQOptions]):
    """The training side."""

    kind = "slateq"

    def _fresh(self, encoder: DenseEncoder, n_slots: int) -> Trained:
        return Trained(self._options, encoder, n_slots=n_slots, seed=self._seed)

    def _restored(self, encoder: DenseEncoder, saved: Saved) -> Trained:
        return Trained.restored(self._options, encoder, saved.parameters, served=saved.served, moments_=saved.moments)

    def _blank(self) -> bytes:
        """Nets that see nothing and find all slates alike, so that each is equally likely."""
        encoder = DenseEncoder.fitted([(Context(), [Action("")])])
        net = SlateQNet(SlateQOptions(hidden=()), Sizes(encoder.n_context, encoder.n_action, n_history=0, n_slots=1))
        return snapshot.to_bytes(encoder, {name: np.zeros_like(array) for name, array in arrays_of(net).items()})
