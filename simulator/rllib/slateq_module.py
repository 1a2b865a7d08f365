"""SlateQ's nets as an RLlib module, and the learner that trains it.

In: flat steps, by the names of ``policies.slateq.net.Step``. Out: losses to RLlib, and slates to whoever asks the
module for actions.
"""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule

from policies.neural.nets import adam, arrays_of
from policies.slateq import acting
from policies.slateq.model import SlateQModel
from policies.slateq.net import Outlook, Sizes, SlateQNet, Step, losses_of
from policies.slateq.options import SlateQOptions

OPTIONS, SIZES = "options", "sizes"
"""Keys of the module's ``model_config``: ``SlateQOptions`` and ``Sizes``."""


class SlateQModule(TorchRLModule):  # type: ignore[misc]  # RLlib has no types
    """Attributes: net: What is trained."""

    def setup(self) -> None:
        """See RLlib."""
        self.options: SlateQOptions = self.model_config[OPTIONS]
        self.net = SlateQNet(self.options, Sizes(*self.model_config[SIZES]))

    def model(self) -> SlateQModel:
        """The same in NumPy, as it is now."""
        return SlateQModel(arrays_of(self.net))

    def _forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Slates of observations that hold ``contexts`` and ``candidates``."""
        seen = batch[Columns.OBS]
        slates = acting.greedy(self.model(), seen["contexts"].numpy(), seen["candidates"].numpy())
        return {Columns.ACTIONS: torch.from_numpy(slates)}

    def _forward_train(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        return self.net.outlook(batch["contexts"], batch["histories"], batch["shown"])._asdict()


class SlateQLearner(TorchLearner):  # type: ignore[misc]  # RLlib has no types
    """Value, advantages and choice in one loss, one Adam."""

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """See RLlib; the learning rate follows ``config.lr``, which may be a schedule."""
        module = self.module[module_id]
        parameters = self.get_parameters(module)
        self.register_optimizer(
            module_id=module_id,
            optimizer=adam(parameters, lr=0.0),
            params=parameters,
            lr_or_lr_schedule=config.lr,
        )

    def compute_loss_for_module(self, *, module_id: str, config: Any, batch: Any, fwd_out: dict[str, Any]) -> Any:
        """See RLlib."""
        step = Step(*(batch[name] for name in Step._fields))
        losses = losses_of(Outlook(**fwd_out), step, config.agent_options)
        told = {f"{name}_loss": loss.item() for name, loss in losses._asdict().items()}
        self.metrics.log_dict(told, key=module_id, window=1)
        return losses.total
