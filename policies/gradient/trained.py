"""Encoder, nets and optimiser of the policy gradient as one thing: what is there once an encoder is.

In: an encoder, and lessons' batches. Out: better nets, and bytes of all of it. Everything is computed by one thread, so
that the same batches give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.gradient import snapshot
from policies.gradient.blocks import batch_of
from policies.gradient.nets import Agent, arrays_of_scorer
from policies.gradient.objective import Passes, improve
from policies.gradient.options import GradientOptions
from policies.neural import arrays, moments
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.nets import adam, arrays_of, load
from policies.neural.one_thread import one_thread
from policies.neural.sessions import LoggedTrajectory


class Trained:
    """What learns from blocks.

    Attributes:
        encoder: Of lessons and requests; it stands still.
    """

    def __init__(self, options: GradientOptions, encoder: DenseEncoder, *, seed: int) -> None:
        """Nets that know nothing yet."""
        self.encoder = encoder
        self._options = options
        sizes = encoder.n_context, encoder.n_action, n_features(encoder.n_action)
        self._agent = Agent(sizes, hidden=options.hidden, item_units=options.item_units, seed=seed)
        self._adam = adam(self._agent.parameters(), options.block_learning_rate)
        self._served = arrays_of_scorer(arrays_of(self._agent))

    def restore(self, parameters: bytes, served: bytes = b"", moments_: bytes = b"") -> None:
        """Go on from what ``parameters``, ``served`` and ``moments`` gave; without the latter two, as if just trained.

        Raises:
            PolicyError: if they are something else, or made with other options.
        """
        load(self._agent, arrays.from_bytes(parameters))
        self._served = arrays.from_bytes(served) if served else arrays_of_scorer(arrays_of(self._agent))
        if moments_:
            moments.load(self._adam, self._agent, moments_)

    def learn(self, block: Sequence[LoggedTrajectory], dice: np.random.Generator) -> None:
        """Learn from a block, at least one step of which is usable."""
        options = self._options
        with one_thread():
            batch, passes = batch_of(block, self._agent, options), Passes(options.block_epochs, options.block_minibatch)
            improve(self._agent, self._adam, batch, options=options, passes=passes, dice=dice)
        share, now = np.float32(options.block_share), arrays_of_scorer(arrays_of(self._agent))
        self._served = {name: array + share * (now[name] - array) for name, array in self._served.items()}

    def parameters(self) -> bytes:
        """Of the nets.

        Raises:
            PolicyError: if one isn't finite.
        """
        return arrays.to_bytes(arrays_of(self._agent))

    def served(self) -> bytes:
        """Of the scorer that serves."""
        return arrays.to_bytes(self._served)

    def moments(self) -> bytes:
        """Of the optimiser."""
        return moments.to_bytes(self._adam, self._agent)

    def snapshot(self) -> bytes:
        """What serves: a running mean of the scorers after each block, which swings less than the last one."""
        return snapshot.to_bytes(self.encoder, self._served)
