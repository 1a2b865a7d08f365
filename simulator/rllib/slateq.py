"""SlateQ as an RLlib algorithm: ``SlateQConfig().environment("slateloop/Streaming-v0").build_algo().train()``.

In: a config that names a world. Out: results as RLlib gives them, checkpoints, and the agent as bytes.
"""

from __future__ import annotations

from ray.rllib.algorithms.algorithm import Algorithm

from simulator.rllib.slateq_module import SlateQModule, SlateQTorchLearner
from simulator.rllib.world_algorithm import WorldAlgorithm
from simulator.rllib.world_config import WorldConfig


class SlateQConfig(WorldConfig):
    """How to train; options of the agent's own are those of ``policies/slateq/options.py``."""

    module_class = SlateQModule

    def __init__(self, algo_class: type[Algorithm] | None = None) -> None:
        """See ``WorldConfig``."""
        super().__init__(algo_class=algo_class or SlateQ)

    def get_default_learner_class(self) -> type[SlateQTorchLearner]:
        """See RLlib."""
        return SlateQTorchLearner


class SlateQ(WorldAlgorithm):
    """On-policy SlateQ with λ-returns."""

    @classmethod
    def get_default_config(cls) -> SlateQConfig:
        """See RLlib."""
        return SlateQConfig()
