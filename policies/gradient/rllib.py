"""The policy gradient as an RLlib algorithm on the new API stack: PPO over Plackett–Luce slates.

In: Gymnasium ids of worlds. Out: an algorithm that trains, with RLlib's checkpoints, alone and in Tune::

    GradientConfig().environment("slateloop/InterestEvolution-v0").build_algo().train()

RLlib's own PPO learner minimises the loss; what is ours is the module (the nets of ``nets.py``), the distribution of
slates, and the history of the session, which the critic learns from. For people who live in RLlib; ``ppo.py`` trains
many times faster. Nothing that serves imports this.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDistribution
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import Tensor

from policies.base import PolicyError
from policies.gradient.nets import Agent
from policies.gradient.plackett_luce import Slates, log_likelihoods
from policies.neural.history import n_features, of_session

HISTORIES = "histories"
"""Column of a training batch: the session before each step."""


class SlateDistribution(TorchDistribution):  # type: ignore[misc]  # RLlib has no types
    """Plackett–Luce over slates of ``n_slots``; its parameters are scores, (n, n_candidates)."""

    n_slots = 1

    @classmethod
    def of(cls, n_slots: int) -> type[SlateDistribution]:
        """For slates of this length."""
        return type(f"SlateDistribution{n_slots}", (cls,), {"n_slots": n_slots})

    def _get_torch_distribution(self, logits: Tensor) -> Tensor:
        """The scores themselves: torch has no such distribution."""
        return logits

    @classmethod
    def from_logits(cls, logits: Tensor, **kwargs: Any) -> SlateDistribution:
        """From scores."""
        return cls(logits)

    @staticmethod
    def required_input_dim(space: Any, **kwargs: Any) -> int:
        """A score for each candidate."""
        return int(space.n_candidates)

    def sample(self, *, sample_shape: Any = None, return_logp: bool = False, **kwargs: Any) -> Any:
        """Slates (n, n_slots): the order of scores with Gumbel noise."""
        noisy = self._dist - torch.log(torch.empty_like(self._dist).exponential_())
        slates = noisy.topk(self.n_slots, dim=-1).indices
        return (slates, self.logp(slates)) if return_logp else slates

    def logp(self, value: Tensor, **kwargs: Any) -> Tensor:
        """Exact, (n,)."""
        return log_likelihoods(self._dist, Slates(value.long()))[0].sum(dim=-1)

    def entropy(self, **kwargs: Any) -> Tensor:
        """Of the first slot, (n,): that of whole slates has no short form."""
        logs = torch.log_softmax(self._dist, dim=-1)
        return -(logs.exp() * logs).sum(dim=-1)

    def to_deterministic(self) -> _Likeliest:
        """Always the likeliest slate."""
        return _Likeliest(self._dist.topk(self.n_slots, dim=-1).indices)


class _Likeliest:
    """What RLlib asks for when it doesn't explore."""

    def __init__(self, slates: Tensor) -> None:
        self._slates = slates

    def sample(self, **kwargs: Any) -> Tensor:
        return self._slates

    def logp(self, value: Tensor, **kwargs: Any) -> Tensor:
        return torch.zeros(len(value))


class SlateModule(TorchRLModule, ValueFunctionAPI):  # type: ignore[misc]  # RLlib has no types
    """Scorer and critic over a world's own arrays."""

    def setup(self) -> None:
        """Sizes come from the spaces, widths from ``model_config``."""
        super().setup()
        space = self.observation_space
        try:
            n_context, n_action = 1 + space["user"].shape[0], 1 + space["items"].shape[-1]
            self._n_slots = self.action_space.n_slots
        except (KeyError, TypeError, AttributeError) as error:
            raise PolicyError(
                f"observation space {space}: a world of slateloop shows user and items, and takes slates"
            ) from error
        config = self.model_config or {}
        self.agent = Agent(
            (n_context, n_action, n_features(n_action)),
            hidden=tuple(config.get("hidden", (64, 64))),
            item_units=config.get("item_units", 0),
            seed=config.get("seed", 0),
        )
        self.action_dist_cls = SlateDistribution.of(self._n_slots)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        seen = batch[Columns.OBS]
        return {Columns.ACTION_DIST_INPUTS: self.agent.scorer(_with_one(seen["user"]), _with_one(seen["items"]))}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> Tensor:
        """Of the moments of a training batch."""
        return self.agent.values(_with_one(batch[Columns.OBS]["user"]), batch[HISTORIES].float())


class SessionHistories(ConnectorV2):  # type: ignore[misc]  # RLlib has no types
    """Adds to a training batch what had happened in the session before each step; episodes must be whole."""

    def __call__(self, *, batch: dict[str, Any], episodes: list[Any], **kwargs: Any) -> dict[str, Any]:
        """One row a step, and one for what came after the last."""
        for episode in self.single_agent_episode_iterator(episodes, agents_that_stepped_only=False):
            found = histories_of(episode)
            self.add_n_batch_items(batch, HISTORIES, list(found), len(found), episode)
        return batch


class GradientConfig(PPOConfig):  # type: ignore[misc]  # RLlib has no types
    """PPO with slates; the defaults suit two cores."""

    def __init__(self, algo_class: Any = None) -> None:
        """See ``PPOConfig``."""
        super().__init__(algo_class=algo_class or Gradient)
        self.env_runners(
            num_env_runners=0, num_envs_per_env_runner=16, batch_mode="complete_episodes", gym_env_vectorize_mode="sync"
        )
        self.learners(num_learners=0, learner_connector=_session_histories)
        self.training(
            gamma=1.0,
            lambda_=0.95,
            lr=1e-3,
            clip_param=0.2,
            entropy_coeff=0.003,
            grad_clip=1.0,
            num_epochs=3,
            minibatch_size=512,
            train_batch_size_per_learner=4096,
            use_kl_loss=False,
            vf_clip_param=float("inf"),
            vf_loss_coeff=0.05,
        )

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """Our module."""
        return RLModuleSpec(module_class=SlateModule)

    @property
    def _model_config_auto_includes(self) -> dict[str, Any]:
        """Nothing of RLlib's: its catalogue builds no part of our module."""
        return {}


class Gradient(PPO):  # type: ignore[misc]  # RLlib has no types
    """The algorithm; everything is in its configuration."""

    @classmethod
    def get_default_config(cls) -> GradientConfig:
        """Ours."""
        return GradientConfig()


def _session_histories(*spaces: Any) -> SessionHistories:
    return SessionHistories()


def histories_of(episode: Any) -> np.ndarray[Any, Any]:
    """Histories before each step of an episode that RLlib has made one step longer, shape (n_steps, n_history).

    Clicks on a slate are in the observation that follows it.
    """
    n_steps = len(episode)
    seen = episode.get_observations(slice(0, n_steps))
    items, slates = np.asarray(seen["items"])[:-1], np.asarray(episode.get_actions(slice(0, n_steps - 1)))
    shown = np.take_along_axis(items, slates[..., np.newaxis], axis=1)
    shown = np.concatenate([np.ones_like(shown[..., :1]), shown], axis=-1)
    return of_session(shown, np.asarray(seen["response"]["click"])[1:] > 0.0)


def _with_one(rows: Tensor) -> Tensor:
    """The first coordinate is 1, as in ``policies/neural/dense.py``: a world may show nothing of its users."""
    return torch.cat([rows.new_ones(*rows.shape[:-1], 1), rows], dim=-1).float()
