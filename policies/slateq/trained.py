"""SlateQ as it learns from the log: its nets, and an update.

In: an encoder, and blocks of trajectories. Out: better nets. ``policies/neural/block_trained.py`` does what all agents
do the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from policies.base import PolicyError
from policies.neural import arrays
from policies.neural.block_trained import BlockTrained
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.sessions import LoggedTrajectory
from policies.slateq import snapshot
from policies.slateq.blocks import Batch, batch_of
from policies.slateq.net import Outlook, Sizes, SlateQNet, losses_of
from policies.slateq.options import SlateQOptions

_NEVER = -1e9


class Trained(BlockTrained):
    """What learns from blocks."""

    def __init__(self, options: SlateQOptions, encoder: DenseEncoder, *, n_slots: int, seed: int) -> None:
        """Nets that know nothing yet, for slates of so many slots."""
        sizes = Sizes(encoder.n_context, encoder.n_action, n_features(encoder.n_action), n_slots)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._net = SlateQNet(options, sizes)
        self._options = options
        super().__init__(encoder, self._net, learning_rate=options.block_learning_rate, share=options.block_share)

    @classmethod
    def restored(
        cls, options: SlateQOptions, encoder: DenseEncoder, parameters: bytes, *, served: bytes, moments_: bytes
    ) -> Trained:
        """As ``restore``, for slates of as many slots as these parameters are.

        Raises:
            PolicyError: if the bytes are something else, or made with other options.
        """
        known = arrays.from_bytes(parameters)
        if "slots" not in known:
            raise PolicyError("parameters: not those of SlateQ")
        made = cls(options, encoder, n_slots=len(known["slots"]), seed=0)
        made.restore(parameters, served, moments_)
        return made

    def snapshot(self) -> bytes:
        """What serves."""
        return snapshot.to_bytes(self.encoder, self._served)

    def _learn(self, block: Sequence[LoggedTrajectory], dice: np.random.Generator) -> None:
        options = self._options
        batch = batch_of(block, self._net, options)
        n = len(batch.shown)
        for _ in range(options.block_epochs):
            order = torch.from_numpy(dice.permutation(n))
            for start in range(0, n, options.block_minibatch):
                self._step(batch.take(order[start : start + options.block_minibatch]))

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
