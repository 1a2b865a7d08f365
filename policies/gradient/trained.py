"""The policy gradient as it learns from the log: its nets, and the passes over a block.

In: an encoder, and blocks of trajectories. Out: better nets. ``policies/neural/block_trained.py`` does what all agents
do the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.gradient import snapshot
from policies.gradient.blocks import batch_of
from policies.gradient.nets import Agent, arrays_of_scorer
from policies.gradient.objective import Passes, improve
from policies.gradient.options import GradientOptions
from policies.neural.arrays import Arrays
from policies.neural.block_trained import BlockTrained
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.nets import arrays_of
from policies.neural.sessions import LoggedTrajectory


class Trained(BlockTrained):
    """What learns from blocks; the scorer alone serves."""

    def __init__(self, options: GradientOptions, encoder: DenseEncoder, *, seed: int) -> None:
        """Nets that know nothing yet."""
        sizes = encoder.n_context, encoder.n_action, n_features(encoder.n_action)
        self._agent = Agent(sizes, hidden=options.hidden, item_units=options.item_units, seed=seed)
        self._options = options
        super().__init__(encoder, self._agent, learning_rate=options.block_learning_rate, share=options.block_share)

    def snapshot(self) -> bytes:
        """What serves."""
        return snapshot.to_bytes(self.encoder, self._served)

    def _learn(self, block: Sequence[LoggedTrajectory], dice: np.random.Generator) -> None:
        options = self._options
        batch, passes = batch_of(block, self._agent, options), Passes(options.block_epochs, options.block_minibatch)
        improve(self._agent, self._adam, batch, options=options, passes=passes, dice=dice)

    def _serving(self) -> Arrays:
        return arrays_of_scorer(arrays_of(self._agent))
