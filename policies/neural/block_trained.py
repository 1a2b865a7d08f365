"""Encoder, nets and optimiser of an agent as one thing: what is there once an encoder is, for learning from the log.

In: an encoder, and blocks of trajectories. Out: better nets, and bytes of all of it. Everything is computed by one
thread, so that the same blocks give the same bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import nn

from policies.neural import arrays, moments
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder
from policies.neural.nets import adam, arrays_of, load
from policies.neural.one_thread import one_thread
from policies.neural.sessions import LoggedTrajectory


class BlockTrained(ABC):
    """What learns from blocks; a subclass says how, and what of its nets serves.

    Attributes:
        encoder: Of lessons and requests; it stands still.
    """

    def __init__(self, encoder: DenseEncoder, nets: nn.Module, *, learning_rate: float, share: float) -> None:
        """Nets that know nothing yet.

        Args:
            encoder: Fitted.
            nets: Of its sizes.
            learning_rate: Of Adam.
            share: Of the newest nets in those that serve, after each block; 1 serves the newest.
        """
        self.encoder = encoder
        self._nets, self._share = nets, np.float32(share)
        self._adam = adam(nets.parameters(), learning_rate)
        self._served = self._serving()

    def restore(self, parameters: bytes, served: bytes = b"", moments_: bytes = b"") -> None:
        """Go on from what ``parameters``, ``served`` and ``moments`` gave; without the latter two, as if just trained.

        Raises:
            PolicyError: if they are something else, or made with other options.
        """
        load(self._nets, arrays.from_bytes(parameters))
        self._served = arrays.from_bytes(served) if served else self._serving()
        if moments_:
            moments.load(self._adam, self._nets, moments_)

    def learn(
        self,
        block: Sequence[LoggedTrajectory],
        dice: np.random.Generator,
        *,
        replayed: Sequence[Sequence[LoggedTrajectory]] = (),
    ) -> None:
        """Learn from a block of at least one step, then from others that were learned from before."""
        with one_thread():
            for one in (block, *replayed):
                self._learn(one, dice)
        now = self._serving()
        self._served = {name: array + self._share * (now[name] - array) for name, array in self._served.items()}

    def parameters(self) -> bytes:
        """Of the nets.

        Raises:
            PolicyError: if one isn't finite.
        """
        return arrays.to_bytes(arrays_of(self._nets))

    def served(self) -> bytes:
        """Of those that serve: a running mean of the nets after each block, which swings less than the last one."""
        return arrays.to_bytes(self._served)

    def moments(self) -> bytes:
        """Of the optimiser."""
        return moments.to_bytes(self._adam, self._nets)

    @abstractmethod
    def snapshot(self) -> bytes:
        """What serves."""

    @abstractmethod
    def _learn(self, block: Sequence[LoggedTrajectory], dice: np.random.Generator) -> None:
        """One block, in whatever order and passes the options want."""

    def _serving(self) -> Arrays:
        """Copies of those parameters that serve."""
        return arrays_of(self._nets)
