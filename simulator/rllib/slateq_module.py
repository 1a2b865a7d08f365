"""SlateQ's nets as an RLlib module, and the learner that trains it.

In: flat steps, by the names of ``policies.slateq.net.Step``. Out: losses to RLlib, and slates for whole worlds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ray.rllib.core.learner.torch.torch_learner import TorchLearner

from envs.world import Indices
from policies.neural.dense import DenseEncoder
from policies.neural.segment import Segment
from policies.slateq import acting, snapshot
from policies.slateq.model import SlateQModel
from policies.slateq.net import Outlook, SlateQNet, Step, losses_of
from policies.slateq.options import SlateQOptions, parse
from policies.slateq.steps import flat_steps
from simulator.rllib.world_module import OPTIONS, SIZES, Columns, Sizes, WorldModule, register_adam
from simulator.rollout import Choose, View


class SlateQModule(WorldModule):
    """See ``WorldModule``."""

    kind = "slateq"
    keeps_candidates = False
    options: SlateQOptions
    net: SlateQNet

    def setup(self) -> None:
        """See RLlib."""
        self.options = self.model_config[OPTIONS]
        self.net = SlateQNet(self.options, Sizes(*self.model_config[SIZES]))

    @staticmethod
    def parse(options: Mapping[str, Any]) -> SlateQOptions:
        """See ``WorldModule``."""
        return parse(options)

    def chooser(self, *, progress: float, explore: bool) -> Choose:
        """See ``WorldModule``; explores by random slates in some places."""
        model, share = SlateQModel(self.arrays()), self.options.exploration(progress)

        def choose(view: View, dice: np.random.Generator) -> Indices:
            slates = acting.greedy(model, view.contexts, view.candidates)
            if not explore:
                return slates
            return acting.explored(slates, n_candidates=view.candidates.shape[1], share=share, dice=dice)

        return choose

    def steps(self, segment: Segment, *, scale: float) -> Columns:
        """See ``WorldModule``."""
        return dict(flat_steps(segment, self.values, self.options, scale=scale))

    def snapshot(self, encoder: DenseEncoder) -> bytes:
        """See ``WorldModule``."""
        return snapshot.to_bytes(encoder, self.arrays())

    def _forward_train(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        return self.net.outlook(batch["contexts"], batch["histories"], batch["shown"])._asdict()


class SlateQTorchLearner(TorchLearner):  # type: ignore[misc]  # RLlib has no types
    """Value, advantages and choice in one loss, one Adam."""

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """See RLlib."""
        register_adam(self, module_id, config)

    def compute_loss_for_module(self, *, module_id: str, config: Any, batch: Any, fwd_out: dict[str, Any]) -> Any:
        """See RLlib."""
        step = Step(*(batch[name] for name in Step._fields))
        losses = losses_of(Outlook(**fwd_out), step, self.module[module_id].unwrapped().options)
        told = {f"{name}_loss": loss.item() for name, loss in losses._asdict().items()}
        self.metrics.log_dict(told, key=module_id, window=1)
        return losses.total
