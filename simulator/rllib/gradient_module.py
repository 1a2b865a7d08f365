"""The policy gradient's nets as an RLlib module, and RLlib's PPO learner over Plackett–Luce slates.

In: flat steps, with all candidates. Out: losses to RLlib, and slates for whole worlds.

RLlib's learner asks a distribution how likely the actions of a batch are, and how undecided it is. Both depend on the
whole slate, so the module, which sees it, computes them for each step of a batch, and ``Judged`` only hands them over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core.columns import Columns as RllibColumns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDistribution
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.evaluation.postprocessing import Postprocessing
from torch import Tensor

from envs.world import Indices
from policies.gradient import snapshot
from policies.gradient.draws import gumbel_top_k, top_k
from policies.gradient.forward import ForwardScorer
from policies.gradient.nets import Agent, arrays_of_scorer
from policies.gradient.objective import credited
from policies.gradient.options import GradientOptions, parse
from policies.gradient.plackett_luce import Slates, log_likelihoods
from policies.neural.dense import DenseEncoder
from policies.neural.nets import tensor
from policies.neural.segment import Segment, flat
from simulator.rllib.world_module import OPTIONS, SIZES, Columns, Sizes, WorldModule, register_adam
from simulator.rollout import Choose, View


class GradientModule(WorldModule, ValueFunctionAPI):  # type: ignore[misc]  # RLlib has no types
    """See ``WorldModule``."""

    kind = "gradient"
    keeps_candidates = True
    options: GradientOptions
    net: Agent

    def setup(self) -> None:
        """See RLlib."""
        options, sizes = self.model_config[OPTIONS], Sizes(*self.model_config[SIZES])
        self.options, self._n_slots = options, sizes.n_slots
        seed = int(torch.randint(2**31 - 1, ()))
        self.net = Agent(sizes[:3], hidden=options.hidden, item_units=options.item_units, seed=seed)

    @staticmethod
    def parse(options: Mapping[str, Any]) -> GradientOptions:
        """See ``WorldModule``."""
        return parse(options)

    def chooser(self, *, progress: float, explore: bool) -> Choose:
        """See ``WorldModule``; the distribution itself decides how much is explored."""
        scorer = ForwardScorer(arrays_of_scorer(self.arrays()))

        def choose(view: View, dice: np.random.Generator) -> Indices:
            scores = scorer(view.contexts, view.candidates)
            return gumbel_top_k(scores, self._n_slots, dice) if explore else top_k(scores, self._n_slots)

        return choose

    def steps(self, segment: Segment, *, scale: float) -> Columns:
        """See ``WorldModule``; advantages are not normalised yet."""
        options = self.options
        gains, returns = segment.earned(self.values, scale=scale, lambda_=options.trace, gamma=options.gamma)
        found: dict[str, Any] = {
            "contexts": segment.contexts[:-1],
            "histories": segment.histories[:-1],
            "candidates": segment.candidates,
            "clicks": segment.clicks,
            RllibColumns.ACTIONS: segment.slates,
            Postprocessing.ADVANTAGES: gains,
            Postprocessing.VALUE_TARGETS: returns,
        }
        columns = {name: flat(column) for name, column in found.items()}
        with torch.no_grad():
            judged = self._judged({name: tensor(column) for name, column in columns.items()}).numpy()
        return {**columns, RllibColumns.ACTION_DIST_INPUTS: judged, RllibColumns.ACTION_LOGP: judged[:, 0]}

    def snapshot(self, encoder: DenseEncoder) -> bytes:
        """See ``WorldModule``."""
        return snapshot.to_bytes(encoder, arrays_of_scorer(self.arrays()))

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> Tensor:
        """See RLlib."""
        return self.net.values(batch["contexts"], batch["histories"])

    def get_train_action_dist_cls(self) -> type[Judged]:
        """See RLlib."""
        return Judged

    def get_exploration_action_dist_cls(self) -> type[Judged]:
        """See RLlib."""
        return Judged

    def _forward_train(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {RllibColumns.ACTION_DIST_INPUTS: self._judged(batch)}

    def _judged(self, batch: dict[str, Any]) -> Tensor:
        """Of each step's slate its log-likelihood, or what is credited, and the mean entropy of its slots: (n, 2)."""
        slates = Slates(batch[RllibColumns.ACTIONS])
        likely, undecided = log_likelihoods(self.net.scorer(batch["contexts"], batch["candidates"]), slates)
        clicked = batch["clicks"] if self.options.credit == "item" else None
        return torch.stack([credited(likely, slates, clicked), undecided.mean(dim=1)], dim=1)


class Judged(TorchDistribution):  # type: ignore[misc]  # RLlib has no types
    """Slates of a batch, judged already: (n, 2), log-likelihoods and entropies."""

    def _get_torch_distribution(self, logits: Tensor) -> Tensor:
        return logits

    @classmethod
    def from_logits(cls, logits: Tensor, **_: Any) -> Judged:
        """See RLlib."""
        return cls(logits)

    @staticmethod
    def required_input_dim(space: Any, **_: Any) -> int:
        """See RLlib."""
        return 2

    def logp(self, value: Tensor, **_: Any) -> Tensor:
        """Of the batch's own slates, whatever is asked for: (n,)."""
        found: Tensor = self._dist[:, 0]
        return found

    def entropy(self) -> Tensor:
        """(n,)."""
        found: Tensor = self._dist[:, 1]
        return found


class GradientTorchLearner(PPOTorchLearner):  # type: ignore[misc]  # RLlib has no types
    """RLlib's PPO, with the optimiser of all agents; gradients of the scorer are cut, those of the critic are not."""

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """See RLlib."""
        register_adam(self, module_id, config)

    def postprocess_gradients_for_module(
        self, *, module_id: str, config: Any = None, module_gradients_dict: dict[Any, Any]
    ) -> dict[Any, Any]:
        """See RLlib; a cut critic can't keep up with its targets, which then grow without end."""
        module = self.module[module_id].unwrapped()
        torch.nn.utils.clip_grad_norm_(module.net.scorer.parameters(), module.options.gradient_norm)
        return module_gradients_dict
