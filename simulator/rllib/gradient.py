"""The policy gradient as an RLlib algorithm: PPO over Plackett–Luce slates.

``GradientConfig().environment("slateloop/Streaming-v0").build_algo().train()``. In: a config that names a world. Out:
results as RLlib gives them, checkpoints, and the agent as bytes.
"""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.policy.sample_batch import SampleBatch

from policies.gradient.shapes import VALUE_SCALE
from simulator.rllib.gradient_module import GradientModule, GradientTorchLearner
from simulator.rllib.world_algorithm import WorldAlgorithm
from simulator.rllib.world_config import WorldConfig


class GradientConfig(WorldConfig, PPOConfig):  # type: ignore[misc]  # RLlib has no types
    """How to train; options of the agent's own are those of ``policies/gradient/options.py``."""

    module_class = GradientModule

    def __init__(self, algo_class: type[Algorithm] | None = None) -> None:
        """See ``WorldConfig``; the critic's loss is weighed as in ``policies/gradient/objective.py``."""
        super().__init__(algo_class=algo_class or Gradient)
        self.use_kl_loss = False
        self.vf_clip_param = float("inf")
        self.vf_loss_coeff = 1.0 / VALUE_SCALE

    def get_default_learner_class(self) -> type[GradientTorchLearner]:
        """See RLlib."""
        return GradientTorchLearner

    def _derive(self, options: Any) -> None:
        super()._derive(options)
        self.lambda_, self.clip_param, self.entropy_coeff = options.trace, options.clip, options.entropy


class Gradient(WorldAlgorithm):
    """PPO over slates."""

    @classmethod
    def get_default_config(cls) -> GradientConfig:
        """See RLlib."""
        return GradientConfig()

    def _whole(self, batch: SampleBatch) -> SampleBatch:
        """Advantages are normalised over the steps of all runners."""
        gains = batch[Postprocessing.ADVANTAGES]
        batch[Postprocessing.ADVANTAGES] = (gains - gains.mean()) / (gains.std() + 1e-6)
        return batch
