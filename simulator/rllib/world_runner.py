"""An RLlib EnvRunner that drives whole worlds at once: arrays of all users, no episode objects.

In: the weights of the module, how far training has got. Out: batches of flat steps; for evaluations, episodes of users
of their own; and figures of the episodes that ended.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium
import numpy as np
import ray
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SINGLE_SPACES, INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.policy.sample_batch import SampleBatch
from ray.rllib.utils.checkpoints import Checkpointable
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME, WEIGHTS_SEQ_NO

import envs  # noqa: F401 - its import registers the worlds with Gymnasium, in each of RLlib's processes too
from envs.episodes import run_episodes
from envs.slate_env import SlateVectorEnv
from envs.world import Indices, World
from policies.base import PolicyError
from policies.neural.dense import Float32s
from policies.neural.reward_scale import require_finite
from policies.neural.segment import Segment
from simulator.many_worlds import ManyWorlds
from simulator.rllib.episode_figures import EpisodeFigures
from simulator.rllib.world_module import NO_HISTORIES, WorldModule
from simulator.rollout import Choose, Roller, View

EVALUATION_SEED = 3_000_000
"""Of the users of evaluations: the same each time, so that only the agent differs."""
_FEWEST = 2
"""Episodes of an evaluation."""


class Played(NamedTuple):
    """What RLlib asks of the episodes of an evaluation."""

    n_steps: int

    def env_steps(self) -> int:
        """All of them."""
        return self.n_steps

    def agent_steps(self) -> int:
        """The same: there is one agent."""
        return self.n_steps


class WorldRunner(EnvRunner, Checkpointable):  # type: ignore[misc]  # RLlib has no types
    """Worlds of one kind with ``num_envs_per_env_runner`` users.

    Attributes:
        env: A world as Gymnasium knows it, for its spaces; users live in ``config.n_worlds`` others like it.
        module: What chooses.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """See RLlib."""
        super().__init__(config=config, **kwargs)
        self.num_env_steps_sampled_lifetime: int = 0
        self._weights_seq_no = 0
        self._segment: Segment | None = None
        self.make_env()
        self.make_module()
        self._figures = EpisodeFigures(self.metrics, config.num_envs_per_env_runner)

    def make_env(self) -> None:
        """See RLlib; users are made when the first step is taken."""
        self.env = make_vector_env(self.config.env, 1, self.config.env_config)
        self._roller: Roller | None = None

    def make_module(self) -> None:
        """See RLlib."""
        spec = self.config.get_rl_module_spec(env=None, spaces=self.get_spaces(), inference_only=False)
        self.module: WorldModule = spec.build()

    def roll(self, progress: float) -> Any:
        """Take ``rollout_fragment_length`` steps of all users, to learn from; figures of the episodes that ended.

        Args:
            progress: Of training, in [0, 1].
        """
        choose = self.module.chooser(progress=progress, explore=self.config.explore)
        self._segment = self._rolled(choose, self.config.get_rollout_fragment_length())
        return self.get_metrics()

    @property
    def rewards(self) -> Float32s:
        """Of the steps taken last, as the world gave them: (n,)."""
        return self._taken.rewards.ravel()

    def fault(self) -> str | None:
        """Why nothing can be learned from the steps taken last; None where it can.

        Told, not raised: whatever a runner in a process of its own raises, RLlib takes for a crash, and starts it anew.
        """
        try:
            require_finite(self._taken.rewards)
        except PolicyError as error:
            return str(error)
        return None

    def steps(self, scale: float) -> SampleBatch:
        """The steps taken last, in random order, as the learner learns from them.

        Args:
            scale: Rewards are divided by this.

        Raises:
            PolicyError: if a reward isn't finite.
        """
        if (fault := self.fault()) is not None:
            raise PolicyError(fault)
        columns = self.module.steps(self._taken, scale=scale)
        order = self._users.dice.permutation(self._taken.n_steps)
        return SampleBatch({name: column[order] for name, column in columns.items()})

    def sample(
        self,
        *,
        num_timesteps: float | None = None,
        num_episodes: int | None = None,
        explore: bool | None = None,
        **_: Any,
    ) -> list[Played]:
        """Steps to look at, as RLlib's evaluation asks for them; figures of them are in ``get_metrics``.

        Args:
            num_timesteps: So many, or a few more; they go on where the last ones ended.
            num_episodes: So many, at least 2, one each of new users, the same for each evaluation.
            explore: As in the last of training; else the best slates. None for what the config says.
        """
        choose = self.module.chooser(progress=1.0, explore=self.config.explore if explore is None else explore)
        if num_episodes is not None:
            return [self._play(choose, max(num_episodes, _FEWEST))]
        n_users = self.config.num_envs_per_env_runner
        n_steps = num_timesteps or self.config.get_rollout_fragment_length() * n_users
        return [Played(self._rolled(choose, max(1, -int(-n_steps // n_users))).n_steps)]

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
        state: dict[str, Any] = {NUM_ENV_STEPS_SAMPLED_LIFETIME: self.num_env_steps_sampled_lifetime}
        if self._check_component(COMPONENT_RL_MODULE, components, not_components):
            state[COMPONENT_RL_MODULE] = self.module.get_state(**kwargs)
            state[WEIGHTS_SEQ_NO] = self._weights_seq_no
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """See RLlib."""
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

    @property
    def _users(self) -> Roller:
        if self._roller is None:
            config = self.config
            seed = config.seed if config.seed is not None else int(np.random.SeedSequence().generate_state(1)[0])
            world = ManyWorlds(config.world, n_users=config.num_envs_per_env_runner, n_worlds=config.n_worlds)
            self._roller = Roller(world, config.encoding, seed=seed + 1000 * (self.worker_index or 0))
        return self._roller

    @property
    def _taken(self) -> Segment:
        if self._segment is None:
            raise RuntimeError("no steps were taken; call roll() first")
        return self._segment

    def _rolled(self, choose: Choose, n_steps: int) -> Segment:
        segment = self._users.roll(choose, n_steps, keep_candidates=self.module.keeps_candidates)
        self.num_env_steps_sampled_lifetime += segment.n_steps
        self._figures.tell(segment)
        return segment

    def _play(self, choose: Choose, n_episodes: int) -> Played:
        """One whole episode each of so many users."""
        world = self.config.world(min(n_episodes, self.config.num_envs_per_env_runner))
        encoding = self.config.encoding

        def choose_for(world: World, dice: np.random.Generator) -> Indices:
            contexts, candidates = encoding.encode(*world.observe())
            return choose(View(contexts, NO_HISTORIES, candidates), dice)

        seed = EVALUATION_SEED + (self.worker_index or 0)
        episodes = run_episodes(world, choose_for, n_episodes=n_episodes, seed=seed)
        self._figures.tell_played(episodes)
        return Played(int(episodes.lengths.sum()))


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
