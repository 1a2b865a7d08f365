"""Algorithms that train an agent in worlds: roll, learn, send the weights; and what comes of it, as bytes.

In: a ``WorldConfig``. Out: results as RLlib gives them, checkpoints, and the agent: to serve, to learn on, to begin a
loop with. One ``train()`` is one segment of all users of all runners, and its updates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch, concat_samples
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)

from agent.starts import Start, pack
from policies.base import PolicyError
from policies.neural.learnable import Learnable
from policies.neural.reward_scale import reward_scale
from simulator.rllib.world_module import WorldModule
from simulator.rllib.world_runner import WorldRunner

_STEPS = (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME)
_SCALE = "reward_scale"


class WorldAlgorithm(Algorithm):  # type: ignore[misc]  # RLlib has no types
    """On-policy training in a world.

    Attributes:
        reward_scale: Rewards are divided by this, whoever sampled them; None before the first segments, which set it.
    """

    reward_scale: float | None = None

    def training_step(self) -> None:
        """Roll, learn, send the new weights to the runners.

        Raises:
            PolicyError: if a reward isn't finite.
        """
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            batch = self._rolled(min(self.metrics.peek(_STEPS, default=0) / self.config.n_steps, 1.0))
        if batch is None:
            return  # every runner has failed; RLlib starts new ones
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
        return self._nets.snapshot(self.config.encoding.encoder)

    def learnable(self) -> bytes:
        """All that a loop's learner needs to go on from here, for ``policies.registry.start_learner``.

        Raises:
            PolicyError: if a parameter isn't finite: training broke down.
        """
        nets, encoder = self._nets, self.config.encoding.encoder
        return Learnable.of(
            nets.kind, encoder, parameters=nets.arrays(), reward_scale=self.reward_scale, fixed=nets.options.fixed
        ).to_bytes()

    def to_start(self) -> bytes:
        """The agent as a loop can begin with it: what ``slateloop train`` keeps as ``agents/*.agent``.

        Raises:
            PolicyError: if a parameter isn't finite: training broke down.
        """
        low, high = self.config.world(1).reward_range
        return pack(Start(self._nets.kind, self.snapshot(), self.learnable(), float(low), float(high)))

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """See RLlib; the scale of rewards is part of it."""
        return {**super().get_state(*args, **kwargs), _SCALE: self.reward_scale}

    def set_state(self, state: dict[str, Any]) -> None:
        """See RLlib."""
        super().set_state(state)
        self.reward_scale = state.get(_SCALE, self.reward_scale)

    @property
    def _nets(self) -> WorldModule:
        found: WorldModule = self.get_module(DEFAULT_MODULE_ID)
        return found

    def _rolled(self, progress: float) -> SampleBatch | None:
        """Steps of all runners, scaled alike; None where every runner has failed."""
        told = self._each(lambda runner: runner.roll(progress))
        if not told:
            return None
        for fault in self._each(lambda runner: runner.fault()):
            if fault is not None:
                raise PolicyError(fault)
        self.metrics.aggregate(told, key=ENV_RUNNER_RESULTS)
        if self.reward_scale is None:
            self.reward_scale = reward_scale(np.concatenate(self._each(lambda runner: runner.rewards)))
        scale = self.reward_scale
        batches = self._each(lambda runner: runner.steps(scale))
        return self._whole(concat_samples(batches)) if batches else None

    def _whole(self, batch: SampleBatch) -> SampleBatch:
        """What can be said of a step only once all are known."""
        return batch

    def _each(self, ask: Callable[[WorldRunner], Any]) -> list[Any]:
        """Answers of all runners that roll: the remote ones, or else the local one."""
        group = self.env_runner_group
        found: list[Any] = group.foreach_env_runner(ask, local_env_runner=group.num_remote_workers() <= 0)
        return found
