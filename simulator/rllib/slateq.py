"""SlateQ as an RLlib algorithm: ``SlateQConfig().environment("slateloop/Streaming-v0").build_algo().train()``.

In: a config that names a world. Out: results as RLlib gives them, checkpoints, and ``SlateQ.snapshot()``, the bytes
that serve. One ``train()`` is one segment of all users of all runners, and its updates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.policy.sample_batch import MultiAgentBatch, concat_samples
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)

from envs.world import World
from policies.neural.history import n_features
from policies.neural.nets import arrays_of
from policies.slateq import snapshot
from policies.slateq.net import Sizes
from policies.slateq.options import SlateQOptions, parse
from simulator.encoded_world import WorldEncoding, fitted
from simulator.rllib.slateq_module import OPTIONS, SIZES, SlateQLearner, SlateQModule
from simulator.rllib.world_runner import WorldRunner, make_vector_env

_STEPS = (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME)


class SlateQConfig(AlgorithmConfig):  # type: ignore[misc]  # RLlib has no types
    """How to train; options of the agent's own are those of ``policies/slateq/options.py``.

    Attributes:
        agent_options: See there; also how much to learn at a time.
        n_steps: Steps over which exploration and learning rate fall.
        n_worlds: Worlds to which the users of a runner are dealt.
        encoding: Of the world; found when the config is checked, once.
    """

    def __init__(self, algo_class: type[Algorithm] | None = None) -> None:
        """On-policy, one process, 1,024 users, segments of 32 steps."""
        super().__init__(algo_class=algo_class or SlateQ)
        self.agent_options = SlateQOptions()
        self.n_steps = 10_000_000
        self.n_worlds = 16
        self.encoding: WorldEncoding | None = None
        self.num_env_runners = 0
        self.num_envs_per_env_runner = 1024
        self.rollout_fragment_length = 32
        self.env_runner_cls = WorldRunner

    def training(
        self,
        *,
        options: Mapping[str, Any] = NotProvided,
        n_steps: int = NotProvided,
        n_worlds: int = NotProvided,
        **settings: Any,
    ) -> Self:
        """Settings of training.

        Args:
            options: Of the agent; ``minibatch``, ``epochs`` and learning rates among them.
            n_steps: See the class.
            n_worlds: See the class.
            settings: Those of RLlib.

        Raises:
            PolicyError: if an option is wrong.
        """
        super().training(**settings)
        if options is not NotProvided:
            self.agent_options = parse(options)
        if n_steps is not NotProvided:
            self.n_steps = n_steps
        if n_worlds is not NotProvided:
            self.n_worlds = n_worlds
        return self

    def validate(self) -> None:
        """See RLlib; also fits the encoding of the world.

        Raises:
            EncodingError: if the world's JSON says what its arrays don't.
        """
        options = self.agent_options
        self.lr = [[0, options.learning_rate], [self.n_steps, options.last_learning_rate]]
        self.minibatch_size, self.num_epochs = options.minibatch, options.epochs
        super().validate()
        if self.env is not None and self.encoding is None:
            self.encoding = fitted(self._world, seed=self.seed or 0)

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """See RLlib."""
        return RLModuleSpec(module_class=SlateQModule, model_config={OPTIONS: self.agent_options, SIZES: self.sizes})

    def get_default_learner_class(self) -> type[SlateQLearner]:
        """See RLlib."""
        return SlateQLearner

    @property
    def sizes(self) -> Sizes:
        """What goes into the nets.

        Raises:
            ValueError: if no world has been named.
        """
        if self.encoding is None:
            raise ValueError("environment: none named; call .environment('slateloop/…') before building")
        encoder = self.encoding.encoder
        n_slots = self._world(1).n_slots
        return Sizes(encoder.n_context, encoder.n_action, n_features(encoder.n_action), n_slots)

    @property
    def _model_config_auto_includes(self) -> dict[str, Any]:
        """Nothing of RLlib's own models is read here."""
        return {}

    def _world(self, n_users: int) -> World:
        return make_vector_env(self.env, n_users, dict(self.env_config)).world


class SlateQ(Algorithm):  # type: ignore[misc]  # RLlib has no types
    """On-policy SlateQ with λ-returns."""

    _reward_scale: float | None = None

    @classmethod
    def get_default_config(cls) -> SlateQConfig:
        """See RLlib."""
        return SlateQConfig()

    def training_step(self) -> None:
        """Roll, learn, send the new weights to the runners."""
        n_done = self.metrics.peek(_STEPS, default=0)
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            batches, told = self._rolled(min(n_done / self.config.n_steps, 1.0))
        if not batches:
            return  # every runner has failed; RLlib starts new ones
        self.metrics.aggregate(told, key=ENV_RUNNER_RESULTS)
        batch = concat_samples(batches) if len(batches) > 1 else batches[0]
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            results = self.learner_group.update(
                batch=MultiAgentBatch({DEFAULT_MODULE_ID: batch}, env_steps=len(batch)),
                timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: self.metrics.peek(_STEPS)},
                num_epochs=self.config.num_epochs,
                minibatch_size=min(self.config.minibatch_size, len(batch)),
                shuffle_batch_per_epoch=True,
            )
        self.metrics.aggregate(results, key=LEARNER_RESULTS)
        with self.metrics.log_time((TIMERS, SYNCH_WORKER_WEIGHTS_TIMER)):
            self.env_runner_group.sync_weights(from_worker_or_learner_group=self.learner_group)

    def snapshot(self) -> bytes:
        """All that serving needs, as of now.

        Raises:
            PolicyError: if a parameter isn't finite: training broke down.
        """
        module = self.get_module(DEFAULT_MODULE_ID)
        return snapshot.to_bytes(self.config.encoding.encoder, arrays_of(module.net))

    def _rolled(self, progress: float) -> tuple[list[Any], list[Any]]:
        group, scale = self.env_runner_group, self._reward_scale
        found = group.foreach_env_runner(
            lambda runner: (runner.sample(progress=progress, scale=scale), runner.get_metrics(), runner.reward_scale),
            local_env_runner=group.num_remote_workers() <= 0,
        )
        if found and scale is None:
            self._reward_scale = sum(one for _, _, one in found) / len(found)
        return [batch for batch, _, _ in found], [told for _, told, _ in found]
