"""Configurations of agents that RLlib trains in worlds: what both have in common.

In: a world's name, options of the agent, and what RLlib's own methods set. Out: a checked configuration, with the
encoding of the world. Settings that RLlib knows and these algorithms don't read are refused with what to say instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from envs.world import World
from policies.neural.history import n_features
from simulator.encoded_world import WorldEncoding, bound, fitted, samples
from simulator.rllib.world_module import OPTIONS, SIZES, Sizes, WorldModule
from simulator.rllib.world_runner import WorldRunner, make_vector_env
from simulator.train import Budget

N_EVALUATED = 1000
"""Episodes of one evaluation: as many users as ``slateloop train`` validates with."""

_BATCH_MODE = "truncate_episodes"
"""RLlib's default."""
_READ = frozenset({"learner_class", "learner_config_dict"})
_RETOLD = frozenset({"model", "optimizer"})
"""RLlib itself passes these on as they are, when Tune makes a configuration of a dict."""
_OPTION_OF = {
    "lr": "learning_rate",
    "gamma": "gamma",
    "lambda_": "trace",
    "minibatch_size": "minibatch",
    "num_epochs": "epochs",
    "clip_param": "clip",
    "entropy_coeff": "entropy",
    "grad_clip": "gradient_norm",
    "model": "hidden",
}
"""Settings of RLlib → the option of the agent that does the same."""
_ROLLOUT = ".env_runners(num_envs_per_env_runner=…, rollout_fragment_length=…), whose product is learned from at a time"
_ELSEWHERE = {"train_batch_size": _ROLLOUT, "train_batch_size_per_learner": _ROLLOUT}


class WorldConfig(AlgorithmConfig):  # type: ignore[misc]  # RLlib has no types
    """How to train an agent in a world; those for one agent say which.

    Attributes:
        agent_options: As given; see ``policies/…/options.py``. Values may be search spaces of Tune.
        n_steps: Steps over which exploration and learning rate fall.
        n_worlds: Worlds to which the users of a runner are dealt.
        encoding: Of the world; found when the config is checked, once.
    """

    module_class: type[WorldModule]

    def __init__(self, algo_class: type[Algorithm] | None = None) -> None:
        """On-policy, one process, 1,024 users, segments of 32 steps; evaluation is greedy."""
        super().__init__(algo_class=algo_class)
        self.agent_options: Mapping[str, Any] = {}
        self.n_steps = Budget().n_steps
        self.n_worlds = 16
        self.encoding: WorldEncoding | None = None
        self._is_bound = False
        self.num_env_runners = 0
        self.num_envs_per_env_runner = 1024
        self.rollout_fragment_length = 32
        self.env_runner_cls = WorldRunner
        self.evaluation_duration = N_EVALUATED
        self.evaluation_config = {"explore": False}

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
            options: Of the agent; ``minibatch``, ``epochs`` and learning rates among them. They are checked when the
                algorithm is built, since each, or all at once, may be a search space of Tune.
            n_steps: See the class.
            n_worlds: See the class.
            settings: ``learner_class`` and ``learner_config_dict`` of RLlib's.

        Raises:
            ValueError: for settings of RLlib that nothing here reads; it says what to say instead.
        """
        self._refuse_unread(settings)
        super().training(**settings)
        if options is not NotProvided:
            self.agent_options = dict(options)
        if n_steps is not NotProvided:
            self.n_steps = n_steps
        if n_worlds is not NotProvided:
            self.n_worlds = n_worlds
        return self

    def environment(self, env: Any = NotProvided, **settings: Any) -> Self:
        """See RLlib; another world needs another encoding."""
        self._is_bound = False
        super().environment(env, **settings)
        return self

    def validate(self) -> None:
        """See RLlib; also reads the options, and fits the encoding of the world.

        Raises:
            ValueError: if a setting of RLlib's is not for these algorithms.
            PolicyError: if an option of the agent is wrong.
            EncodingError: if the world's JSON says what its arrays don't.
            TypeError: if the environment is no world of slates.
        """
        if self.batch_mode != _BATCH_MODE and not self.in_evaluation:
            raise ValueError(f"batch_mode={self.batch_mode!r}: segments may end anywhere in an episode; leave it out")
        self._derive(self.parsed_options)
        super().validate()
        if self.env is not None and not self._is_bound:
            self.encoding, self._is_bound = self._bound(), True

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """See RLlib."""
        model = {OPTIONS: self.parsed_options, SIZES: self.sizes}
        return RLModuleSpec(module_class=self.module_class, model_config=model)

    @property
    def parsed_options(self) -> Any:
        """Of the agent, over its defaults.

        Raises:
            PolicyError: naming everything wrong with them.
        """
        return self.module_class.parse(self.agent_options)

    @property
    def sizes(self) -> Sizes:
        """What goes into the nets.

        Raises:
            ValueError: if no world has been named.
        """
        if self.encoding is None:
            raise ValueError("environment: none named; call .environment('slateloop/…') before building")
        encoder = self.encoding.encoder
        return Sizes(encoder.n_context, encoder.n_action, n_features(encoder.n_action), self.world(1).n_slots)

    def world(self, n_users: int) -> World:
        """The one that was named, for so many users; not seeded yet.

        Raises:
            TypeError: if it is no world of slates.
        """
        return make_vector_env(self.env, n_users, dict(self.env_config)).world

    @property
    def _model_config_auto_includes(self) -> dict[str, Any]:
        """Nothing of RLlib's own models is read here."""
        return {}

    def _derive(self, options: Any) -> None:
        """What RLlib's learners read, from the agent's options."""
        self.lr = [[0, options.learning_rate], [self.n_steps, options.last_learning_rate]]
        self.gamma = options.gamma
        n_runners, n_learners = max(self.num_env_runners, 1), max(self.num_learners, 1)
        if not self.in_evaluation:
            n_each = self.get_rollout_fragment_length() * self.num_envs_per_env_runner * n_runners
            self.train_batch_size_per_learner = n_each // n_learners
        self.minibatch_size = min(options.minibatch, self.train_batch_size_per_learner or options.minibatch)
        self.num_epochs = options.epochs

    def _bound(self) -> WorldEncoding:
        """Who is evaluated in another world sees it through the encoder that it was trained with."""
        seed = self.seed or 0
        if self.in_evaluation and self.encoding is not None:
            known, fresh = (samples(self.world, seed=one) for one in (seed, seed + 1))
            return bound(self.encoding.encoder, known, fresh)
        return fitted(self.world, seed=seed)

    def _refuse_unread(self, settings: Mapping[str, Any]) -> None:
        for name, value in settings.items():
            if name in _RETOLD and value == getattr(self, name):
                continue
            if name not in _READ:
                raise ValueError(f"training({name}={value!r:.60}): nothing reads it here; {self._instead(name)}")

    def _instead(self, name: str) -> str:
        option = _OPTION_OF.get(name)
        if option in {field.name for field in dataclasses.fields(self.module_class.parse({}))}:
            return f"say options={{{option!r}: …}}"
        return f"say {_ELSEWHERE[name]}" if name in _ELSEWHERE else "leave it out"
