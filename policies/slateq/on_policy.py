"""SlateQ learned from its own slates, in a world: λ-returns, no replay, no target net.

In: segments of steps that it chose itself. Out: parameters, and slates for the next segment. Everything random comes
from its seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder, Float32s
from policies.neural.nets import adam, anneal, arrays_of, load, tensor
from policies.neural.reward_scale import require_finite, reward_scale
from policies.neural.segment import Segment
from policies.slateq import acting, search, snapshot
from policies.slateq.model import SlateQModel
from policies.slateq.net import Sizes, SlateQNet, Step, losses_of
from policies.slateq.options import SlateQOptions
from policies.slateq.steps import flat_steps


class OnPolicySlateQ:
    """A learner that acts.

    Attributes:
        keeps_candidates: False: it learns from what was shown alone.
        net: What is trained.
        model: The same in NumPy, as of the last update.
        fixed: See ``Learnable.fixed``.
        reward_scale: Rewards are divided by this; None before the first segment, which sets it.
    """

    keeps_candidates = False

    def __init__(self, options: SlateQOptions, sizes: Sizes, *, seed: int) -> None:
        """Knows nothing yet."""
        self._options, self._sizes = options, sizes
        self.fixed = options.fixed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = SlateQNet(options, sizes)
        self._dice = np.random.default_rng([seed, 4])
        self._adam = adam(self.net.parameters(), options.learning_rate)
        self.reward_scale: float | None = None
        self.model = SlateQModel(arrays_of(self.net))

    def act(
        self, contexts: Float32s, candidates: Float32s, *, progress: float, dice: np.random.Generator
    ) -> search.Slates:
        """The best slates (n_users, n_slots), and by chance random ones, the fewer the further training has got."""
        share = self._options.exploration(progress)
        slates = acting.greedy(self.model, contexts, candidates)
        return acting.explored(slates, n_candidates=candidates.shape[1], share=share, dice=dice)

    def greedy(self, contexts: Float32s, candidates: Float32s) -> search.Slates:
        """The best slates, (n_users, n_slots)."""
        return acting.greedy(self.model, contexts, candidates)

    def update(self, segment: Segment, *, progress: float) -> dict[str, float]:
        """Learn from a segment; what came of it, by name.

        Args:
            segment: Of slates that ``act`` gave since the last update.
            progress: Of training, in [0, 1].

        Raises:
            PolicyError: if a reward isn't finite; nothing has changed then.
        """
        require_finite(segment.rewards)
        options = self._options
        anneal(self._adam, first=options.learning_rate, last=options.last_learning_rate, progress=progress)
        if self.reward_scale is None:
            self.reward_scale = reward_scale(segment.rewards)
        columns = flat_steps(segment, self._values, options, scale=self.reward_scale)
        step = Step(**{name: tensor(column) for name, column in columns.items()})
        totals = np.zeros(3)
        n_batches = 0
        for rows in self._minibatches(segment.n_steps):
            totals += self._learn(Step(*(column[rows] for column in step)))
            n_batches += 1
        self.model = SlateQModel(arrays_of(self.net))
        value, item, choice = (totals / n_batches).tolist()
        return {"value_loss": value, "item_loss": item, "choice_loss": choice, "reward": float(segment.rewards.mean())}

    def arrays(self) -> Arrays:
        """All parameters."""
        return arrays_of(self.net)

    def load(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Go on from these parameters.

        Raises:
            PolicyError: if they don't fit.
        """
        load(self.net, arrays)
        self.model = SlateQModel(arrays_of(self.net))

    def snapshot(self, encoder: DenseEncoder) -> bytes:
        """All that serving needs.

        Raises:
            PolicyError: if a parameter isn't finite: training broke down.
        """
        return snapshot.to_bytes(encoder, self.arrays())

    def _values(self, contexts: Float32s, histories: Float32s) -> Float32s:
        with torch.no_grad():
            found = self.net.values(tensor(contexts), tensor(histories))
        return found.numpy()

    def _minibatches(self, n: int) -> Iterator[torch.Tensor]:
        size = min(self._options.minibatch, n)
        for _ in range(self._options.epochs):
            order = torch.from_numpy(self._dice.permutation(n))
            for start in range(0, n - size + 1, size):
                yield order[start : start + size]

    def _learn(self, step: Step) -> NDArray[np.float64]:
        losses = losses_of(self.net.outlook(step.contexts, step.histories, step.shown), step, self._options)
        self._adam.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._adam.step()
        return np.array([loss.item() for loss in losses])
