"""An RLlib EnvRunner that drives whole worlds at once: arrays of all users, no episode objects.

In: the weights of the module, how far training has got. Out: batches of flat steps, and figures of the episodes that
ended. RLlib's own runner makes Python objects of each step and is some hundred times slower.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import ray
import torch
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.policy.sample_batch import SampleBatch
from ray.rllib.utils.checkpoints import Checkpointable
from ray.rllib.utils.metrics import (
    EPISODE_LEN_MEAN,
    EPISODE_RETURN_MEAN,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES,
    NUM_EPISODES_LIFETIME,
    WEIGHTS_SEQ_NO,
)

import envs  # noqa: F401 - its import registers the worlds with Gymnasium, in each of RLlib's processes too
from envs.slate_env import SlateVectorEnv
from envs.world import Indices, World
from policies.neural.dense import Float32s
from policies.neural.segment import Segment
from policies.slateq import acting
from policies.slateq.steps import flat_steps, reward_scale
from simulator.many_worlds import ManyWorlds
from simulator.rllib.slateq_module import SlateQModule
from simulator.rollout import Roller, View


class WorldRunner(EnvRunner, Checkpointable):  # type: ignore[misc]  # RLlib has no types
    """Worlds of one kind with ``num_envs_per_env_runner`` users.

    Attributes:
        env: A world as Gymnasium knows it, for its spaces; users live in ``config.n_worlds`` others like it.
        module: What chooses.
        reward_scale: Rewards are divided by this; None before the first sample.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """See RLlib."""
        super().__init__(config=config, **kwargs)
        self.reward_scale: float | None = None
        self.num_env_steps_sampled_lifetime: int = 0
        self._weights_seq_no = 0
        self.make_env()
        self.make_module()
        n_envs = config.num_envs_per_env_runner
        self._returns, self._lengths = np.zeros(n_envs), np.zeros(n_envs)

    def make_env(self) -> None:
        """See RLlib."""
        config = self.config
        self.env = make_vector_env(config.env, 1, config.env_config)
        seed = config.seed if config.seed is not None else int(np.random.SeedSequence().generate_state(1)[0])
        world = ManyWorlds(self._world, n_users=config.num_envs_per_env_runner, n_worlds=config.n_worlds)
        self._roller = Roller(world, config.encoding, seed=seed + 1000 * (self.worker_index or 0))

    def make_module(self) -> None:
        """See RLlib."""
        spec = self.config.get_rl_module_spec(env=None, spaces=self.get_spaces(), inference_only=False)
        self.module: SlateQModule = spec.build()

    def sample(self, *, progress: float = 0.0, scale: float | None = None, **_: Any) -> SampleBatch:
        """Steps of ``rollout_fragment_length`` of all users, in random order.

        Args:
            progress: Of training, in [0, 1].
            scale: Rewards are divided by this; None for what this runner found itself.
        """
        options, model = self.config.agent_options, self.module.model()

        def act(view: View, dice: np.random.Generator) -> Indices:
            slates = acting.greedy(model, view.contexts, view.candidates)
            share = options.exploration(progress)
            return acting.explored(slates, n_candidates=view.candidates.shape[1], share=share, dice=dice)

        segment = self._roller.roll(act, self.config.get_rollout_fragment_length())
        self.reward_scale = scale or self.reward_scale or reward_scale(segment)
        steps = flat_steps(segment, self._values, options, scale=self.reward_scale)
        self._tell(segment)
        order = self._roller.dice.permutation(segment.n_steps)
        return SampleBatch({name: column[order] for name, column in steps.items()})

    def get_metrics(self) -> Any:
        """See RLlib."""
        return self.metrics.reduce()

    def get_spaces(self) -> dict[str, Any]:
        """See RLlib."""
        single = self.env.single_observation_space, self.env.single_action_space
        return {
            INPUT_ENV_SPACES: (self.env.observation_space, self.env.action_space),
            INPUT_ENV_SINGLE_SPACES: single,
            DEFAULT_MODULE_ID: single,
        }

    def get_state(self, components: Any = None, *, not_components: Any = None, **kwargs: Any) -> dict[str, Any]:
        """See RLlib; who is in the world is no part of it: a restored runner begins with new users."""
        state: dict[str, Any] = {
            NUM_ENV_STEPS_SAMPLED_LIFETIME: self.num_env_steps_sampled_lifetime,
            "reward_scale": self.reward_scale,
        }
        if self._check_component(COMPONENT_RL_MODULE, components, not_components):
            state[COMPONENT_RL_MODULE] = self.module.get_state(**kwargs)
            state[WEIGHTS_SEQ_NO] = self._weights_seq_no
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """See RLlib."""
        self.reward_scale = state.get("reward_scale", self.reward_scale)
        self.num_env_steps_sampled_lifetime = state.get(
            NUM_ENV_STEPS_SAMPLED_LIFETIME, self.num_env_steps_sampled_lifetime
        )
        if COMPONENT_RL_MODULE in state:
            weights = state[COMPONENT_RL_MODULE]
            weights = ray.get(weights) if isinstance(weights, ray.ObjectRef) else weights
            self.module.set_state(weights.get(DEFAULT_MODULE_ID, weights))
            self._weights_seq_no = state.get(WEIGHTS_SEQ_NO, self._weights_seq_no)

    def get_ctor_args_and_kwargs(self) -> tuple[tuple[()], dict[str, Any]]:
        """See RLlib."""
        return (), {"config": self.config}

    def get_checkpointable_components(self) -> list[tuple[str, Any]]:
        """See RLlib."""
        return [(COMPONENT_RL_MODULE, self.module)]

    def assert_healthy(self) -> None:
        """See RLlib.

        Raises:
            AssertionError: if there is no world or no module.
        """
        if self.env is None or self.module is None:
            raise AssertionError("a runner without a world or a module")

    def _world(self, n_users: int) -> World:
        return make_vector_env(self.config.env, n_users, self.config.env_config).world

    def _values(self, contexts: Float32s, histories: Float32s) -> Float32s:
        with torch.no_grad():
            found: Float32s = self.module.net.values(torch.from_numpy(contexts), torch.from_numpy(histories)).numpy()
        return found

    def _tell(self, segment: Segment) -> None:
        n, over = segment.n_steps, segment.ended | segment.cut
        self.num_env_steps_sampled_lifetime += n
        for rewards, ends in zip(segment.rewards, over, strict=True):
            self._returns += rewards
            self._lengths += 1.0
            if ends.any():
                self._tell_ended(ends)
        for name, count in ((NUM_ENV_STEPS_SAMPLED, n), (NUM_EPISODES, int(over.sum()))):
            self.metrics.log_value(name, count, reduce="sum")
        self.metrics.log_value(NUM_ENV_STEPS_SAMPLED_LIFETIME, n, reduce="lifetime_sum", with_throughput=True)
        self.metrics.log_value(NUM_EPISODES_LIFETIME, int(over.sum()), reduce="lifetime_sum")

    def _tell_ended(self, ends: Any) -> None:
        """One mean for all episodes that ended with this step."""
        self.metrics.log_value(EPISODE_RETURN_MEAN, float(self._returns[ends].mean()), window=_WINDOW)
        self.metrics.log_value(EPISODE_LEN_MEAN, float(self._lengths[ends].mean()), window=_WINDOW)
        self._returns[ends] = self._lengths[ends] = 0.0


_WINDOW = 32


def make_vector_env(name: str, n_users: int, options: dict[str, Any]) -> SlateVectorEnv:
    """A registered world with so many users.

    Raises:
        TypeError: if it is no world of ours.
    """
    mode = gymnasium.VectorizeMode.VECTOR_ENTRY_POINT
    found = gymnasium.make_vec(name, num_envs=n_users, vectorization_mode=mode, **options).unwrapped
    if not isinstance(found, SlateVectorEnv):
        raise TypeError(f"environment({name!r}) is no world of slates; give a name such as slateloop/Streaming-v0")
    return found
