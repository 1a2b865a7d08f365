"""What an agent's RLlib module offers beside RLlib's own: slates for whole worlds, steps to learn from, bytes.

In: views of all users, and segments of what came of their slates. Out: slates, and columns of flat steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns as RllibColumns
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule

from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder, Float32s
from policies.neural.nets import adam, arrays_of, tensor
from policies.neural.segment import Segment
from policies.slateq.net import Sizes
from simulator.rollout import Choose, View

__all__ = ["NO_HISTORIES", "OPTIONS", "SIZES", "Columns", "Sizes", "WorldModule", "register_adam"]

OPTIONS, SIZES = "options", "sizes"
"""Keys of a module's ``model_config``: the agent's options, parsed, and its ``Sizes``."""

Columns = dict[str, NDArray[Any]]
"""Of flat steps, by name; one row a step."""

NO_HISTORIES: Float32s = np.empty((0, 0), dtype=np.float32)
"""For views of those who choose: only critics look at histories."""


class WorldModule(TorchRLModule):  # type: ignore[misc]  # RLlib has no types
    """Nets of an agent.

    Attributes:
        kind: Of the agent, as in the registry.
        keeps_candidates: Whether it learns from all candidates, or from those shown alone.
        options: Of the agent, parsed.
        net: What is trained.
    """

    kind: ClassVar[str]
    keeps_candidates: ClassVar[bool]
    options: Any
    net: Any

    @staticmethod
    def parse(options: Mapping[str, Any]) -> Any:
        """The agent's options over its defaults.

        Raises:
            PolicyError: naming everything wrong with them.
        """
        raise NotImplementedError

    def chooser(self, *, progress: float, explore: bool) -> Choose:
        """Who chooses, with the nets as they are now.

        Args:
            progress: Of training, in [0, 1].
            explore: Slates to learn from; else the best ones.
        """
        raise NotImplementedError

    def steps(self, segment: Segment, *, scale: float) -> Columns:
        """What the learner learns from; rewards are divided by the scale."""
        raise NotImplementedError

    def values(self, contexts: Float32s, histories: Float32s) -> Float32s:
        """Of moments, scaled as rewards are: (…, n_context), (…, n_history) → (…)."""
        with torch.no_grad():
            found: Float32s = self.net.values(tensor(contexts), tensor(histories)).numpy()
        return found

    def arrays(self) -> Arrays:
        """All parameters."""
        return arrays_of(self.net)

    def snapshot(self, encoder: DenseEncoder) -> bytes:
        """All that serving needs.

        Raises:
            PolicyError: if a parameter isn't finite: training broke down.
        """
        raise NotImplementedError

    def _forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The best slates of observations that hold ``contexts`` and ``candidates``."""
        seen = batch[RllibColumns.OBS]
        contexts, candidates = seen["contexts"].numpy(), seen["candidates"].numpy()
        view = View(contexts, NO_HISTORIES, candidates)
        slates = self.chooser(progress=1.0, explore=False)(view, np.random.default_rng())
        return {RllibColumns.ACTIONS: torch.from_numpy(slates)}


def register_adam(learner: Any, module_id: str, config: Any) -> None:
    """The optimiser of all agents, for a learner of RLlib's; its rate follows the schedule ``config.lr``."""
    parameters = learner.get_parameters(learner.module[module_id])
    learner.register_optimizer(
        module_id=module_id,
        optimizer=adam(parameters, lr=0.0),
        params=parameters,
        lr_or_lr_schedule=config.lr,
    )
