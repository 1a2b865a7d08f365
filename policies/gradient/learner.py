"""The policy gradient learned from the log: whoever's decisions, session by session.

In: lessons in log order, and session ends. Out: state, and snapshots that serve. ``policies/neural/block_learner.py``
does what all agents do the same way.
"""

from __future__ import annotations

from policies.gradient import snapshot
from policies.gradient.options import GradientOptions
from policies.gradient.trained import Trained
from policies.neural.block_learner import BlockLearner, Saved
from policies.neural.dense import DenseEncoder


class GradientLearner(BlockLearner[GradientOptions]):
    """The training side."""

    kind = "gradient"

    def _fresh(self, encoder: DenseEncoder, n_slots: int) -> Trained:
        return Trained(self._options, encoder, seed=self._seed)

    def _restored(self, encoder: DenseEncoder, saved: Saved) -> Trained:
        made = self._fresh(encoder, 0)
        made.restore(saved.parameters, saved.served, saved.moments)
        return made

    def _blank(self) -> bytes:
        return snapshot.to_bytes(None, {})
