"""The policy gradient in a world: draws slates, learns from segments of what came of them.

In: segments of a rollout (``policies/neural/segment.py``) whose slates it drew. Out: a scorer that serves. Advantages
are λ-returns less the critic's values, normalised over the segment; the critic also knows the session so far.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.base import PolicyError
from policies.gradient import snapshot
from policies.gradient.draws import gumbel_top_k, top_k
from policies.gradient.forward import ForwardScorer
from policies.gradient.nets import Agent, arrays_of_scorer
from policies.gradient.objective import Batch, Passes, improve
from policies.gradient.options import GradientOptions
from policies.gradient.plackett_luce import Slates
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder, Float32s
from policies.neural.history import n_features
from policies.neural.nets import adam, anneal, arrays_of, load, tensor
from policies.neural.reward_scale import require_finite, reward_scale
from policies.neural.segment import Segment, flat


class Ppo:
    """One agent in training.

    Attributes:
        agent: Its nets.
        reward_scale: Rewards are divided by this; None before the first segment, which sets it.
        keeps_candidates: Its segments must hold all candidates.
        fixed: See ``Learnable.fixed``.
    """

    keeps_candidates = True

    def __init__(self, options: GradientOptions, n_context: int, n_action: int, *, n_slots: int, seed: int) -> None:
        """An agent that knows nothing yet.

        Args:
            options: How to train.
            n_context: Length of a context's vector.
            n_action: Length of an action's vector.
            n_slots: Length of a slate.
            seed: Of the first weights and of the order of updates.
        """
        self._options, self._n_slots = options, n_slots
        self.fixed = options.fixed
        sizes = n_context, n_action, n_features(n_action)
        self.agent = Agent(sizes, hidden=options.hidden, item_units=options.item_units, seed=seed)
        self.reward_scale: float | None = None
        self._optimizer = adam(self.agent.parameters(), options.learning_rate)
        self._dice = np.random.default_rng([seed, 5])
        self._freeze()

    def act(
        self, contexts: Float32s, candidates: Float32s, *, progress: float, dice: np.random.Generator
    ) -> NDArray[np.intp]:
        """Draw slates, (n_users, n_slots); the distribution itself decides how much is explored."""
        return gumbel_top_k(self._scorer(contexts, candidates), self._n_slots, dice)

    def greedy(self, contexts: Float32s, candidates: Float32s) -> NDArray[np.intp]:
        """The likeliest slates, (n_users, n_slots)."""
        return top_k(self._scorer(contexts, candidates), self._n_slots)

    def update(self, segment: Segment, *, progress: float) -> dict[str, float]:
        """Learn from a segment; what came of it, by name.

        Args:
            segment: Of slates that ``act`` drew since the last update, with candidates.
            progress: Of training, in [0, 1].

        Raises:
            PolicyError: if a reward isn't finite, or the candidates were not kept; nothing has changed then.
        """
        if segment.candidates is None:
            raise PolicyError("segment.candidates is None; roll with keep_candidates=True")
        require_finite(segment.rewards)
        options = self._options
        anneal(self._optimizer, first=options.learning_rate, last=options.last_learning_rate, progress=progress)
        if self.reward_scale is None:
            self.reward_scale = reward_scale(segment.rewards)
        batch = self._batch(segment, segment.candidates, self.reward_scale)
        improve(
            self.agent,
            self._optimizer,
            batch,
            options=options,
            passes=Passes(options.epochs, options.minibatch),
            dice=self._dice,
        )
        self._freeze()
        return {"reward": float(segment.rewards.mean()), "value": float(batch.targets.mean())}

    def arrays(self) -> Arrays:
        """All parameters."""
        return arrays_of(self.agent)

    def load(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Go on from these parameters.

        Raises:
            PolicyError: if they don't fit.
        """
        load(self.agent, arrays)
        self._freeze()

    def snapshot(self, encoder: DenseEncoder) -> bytes:
        """All that serving needs.

        Raises:
            PolicyError: if a parameter isn't finite: training broke down.
        """
        return snapshot.to_bytes(encoder, arrays_of_scorer(self.arrays()))

    def _freeze(self) -> None:
        self._scorer = ForwardScorer(arrays_of_scorer(self.arrays()))

    def _batch(self, segment: Segment, candidates: Float32s, scale: float) -> Batch:
        options = self._options
        gains, returns = segment.earned(self._values, scale=scale, lambda_=options.trace, gamma=options.gamma)
        items = _flat(segment.slates)
        return Batch(
            contexts=_flat(segment.contexts[:-1]),
            histories=_flat(segment.histories[:-1]),
            candidates=_flat(candidates),
            slates=Slates(items),
            credited=_flat(segment.clicks) if options.credit == "item" else None,
            importance=torch.ones(len(items)),
            advantages=_flat((gains - gains.mean()) / (gains.std() + np.float32(1e-6))),
            targets=_flat(returns),
        )

    @torch.no_grad()
    def _values(self, contexts: Float32s, histories: Float32s) -> Float32s:
        found: Float32s = self.agent.values(tensor(contexts), tensor(histories)).numpy()
        return found


def _flat(column: NDArray[np.generic]) -> Tensor:
    return tensor(flat(column))
