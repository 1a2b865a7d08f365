"""Encoder, nets and optimiser of SlateQ as one thing: what is there once an encoder is, for learning from the log.

In: an encoder, and blocks of trajectories. Out: better nets, and bytes of all of it. Everything is computed by one
thread, so that the same blocks give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from policies.base import PolicyError
from policies.neural import arrays, moments
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.nets import adam, arrays_of, load
from policies.neural.one_thread import one_thread
from policies.neural.sessions import LoggedTrajectory
from policies.slateq import snapshot
from policies.slateq.blocks import Batch, batch_of
from policies.slateq.net import Outlook, Sizes, SlateQNet, losses_of
from policies.slateq.options import SlateQOptions

_NEVER = -1e9


class Trained:
    """What learns from blocks.

    Attributes:
        encoder: Of lessons and requests; it stands still.
    """

    def __init__(self, options: SlateQOptions, encoder: DenseEncoder, *, n_slots: int, seed: int) -> None:
        """Nets that know nothing yet, for slates of so many slots."""
        self.encoder = encoder
        self._options = options
        sizes = Sizes(encoder.n_context, encoder.n_action, n_features(encoder.n_action), n_slots)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._net = SlateQNet(options, sizes)
        self._adam = adam(self._net.parameters(), options.block_learning_rate)
        self._served = arrays_of(self._net)

    @classmethod
    def restored(
        cls, options: SlateQOptions, encoder: DenseEncoder, parameters: bytes, *, served: bytes, moments_: bytes
    ) -> Trained:
        """Go on from what ``parameters``, ``served`` and ``moments`` gave; without the latter two, as if just trained.

        Raises:
            PolicyError: if they are something else, or made with other options.
        """
        known = arrays.from_bytes(parameters)
        if "slots" not in known:
            raise PolicyError("parameters: not those of SlateQ")
        made = cls(options, encoder, n_slots=len(known["slots"]), seed=0)
        load(made._net, known)
        made._served = arrays.from_bytes(served) if served else known
        if moments_:
            moments.load(made._adam, made._net, moments_)
        return made

    def learn(self, block: Sequence[LoggedTrajectory], dice: np.random.Generator) -> None:
        """Learn from a block, at least one step of which is usable."""
        options = self._options
        with one_thread():
            batch = batch_of(block, self._net, options)
            n = len(batch.shown)
            for _ in range(options.block_epochs):
                order = torch.from_numpy(dice.permutation(n))
                for start in range(0, n, options.block_minibatch):
                    self._step(batch.take(order[start : start + options.block_minibatch]))
        share, now = np.float32(options.block_share), arrays_of(self._net)
        self._served = {name: array + share * (now[name] - array) for name, array in self._served.items()}

    def parameters(self) -> bytes:
        """Of the nets.

        Raises:
            PolicyError: if one isn't finite.
        """
        return arrays.to_bytes(arrays_of(self._net))

    def served(self) -> bytes:
        """Of the nets that serve."""
        return arrays.to_bytes(self._served)

    def moments(self) -> bytes:
        """Of the optimiser."""
        return moments.to_bytes(self._adam, self._net)

    def snapshot(self) -> bytes:
        """What serves: a running mean of the nets after each block, which swings less than the last one."""
        return snapshot.to_bytes(self.encoder, self._served)

    def _step(self, batch: Batch) -> None:
        step = batch.step
        outlook = _centred(self._net.outlook(step.contexts, step.histories, step.shown), batch.shown)
        self._adam.zero_grad()
        losses_of(outlook, step, self._options).total.backward()  # type: ignore[no-untyped-call]  # torch
        torch.nn.utils.clip_grad_norm_(self._net.parameters(), self._options.block_gradient_norm)
        self._adam.step()


def _centred(outlook: Outlook, shown: Tensor) -> Outlook:
    """Advantages less those of the slate, and no choice of what isn't there.

    What is wrong with the value of a moment then moves no advantage. Else it would move those of what is shown, and
    leave the others where they are, until these look better than what they are compared with.
    """
    log_weights = outlook.log_weights.masked_fill(~shown, _NEVER)
    chances = torch.softmax(log_weights, dim=1).detach()
    of_slate = (chances * outlook.advantages).sum(dim=1, keepdim=True)
    return outlook._replace(advantages=outlook.advantages - of_slate, log_weights=log_weights)
