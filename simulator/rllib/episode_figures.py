"""Figures of episodes, under the names that RLlib and Tune look for.

In: segments of a rollout, or episodes played whole. Out: entries in a runner's ``MetricsLogger``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
from ray.rllib.utils.metrics import (
    EPISODE_LEN_MEAN,
    EPISODE_RETURN_MEAN,
    NUM_ENV_STEPS_SAMPLED,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_EPISODES,
    NUM_EPISODES_LIFETIME,
)

from envs.episodes import Episodes
from policies.neural.segment import Segment

_WINDOW = 100
"""Episodes of training, the latest, that a mean is taken over."""


class EpisodeFigures:
    """Running sums of who is in the world, and what is told of who has left.

    Args:
        metrics: RLlib's logger.
        n_users: In the world of the segments.
    """

    def __init__(self, metrics: Any, n_users: int) -> None:
        self._metrics = metrics
        self._returns, self._lengths = np.zeros(n_users), np.zeros(n_users)
        self._latest: deque[tuple[float, float]] = deque(maxlen=_WINDOW)

    def tell(self, segment: Segment) -> None:
        """Count a segment; it follows the last one."""
        over = segment.ended | segment.cut
        for rewards, ends in zip(segment.rewards, over, strict=True):
            self._returns += rewards
            self._lengths += 1.0
            self._latest.extend(zip(self._returns[ends].tolist(), self._lengths[ends].tolist(), strict=True))
            self._returns[ends] = self._lengths[ends] = 0.0
        self._tell_each(self._latest, window=_WINDOW)
        self._count(segment.n_steps, int(over.sum()))

    def tell_played(self, episodes: Episodes) -> None:
        """Count an evaluation's episodes; means are over all of them."""
        both = list(zip(episodes.returns.tolist(), episodes.lengths.tolist(), strict=True))
        self._tell_each(both, window=len(both))
        self._count(int(episodes.lengths.sum()), len(both))

    def _tell_each(self, ended: Iterable[tuple[float, float]], *, window: int) -> None:
        for total, length in ended:
            self._metrics.log_value(EPISODE_RETURN_MEAN, total, window=window)
            self._metrics.log_value(EPISODE_LEN_MEAN, length, window=window)

    def _count(self, n_steps: int, n_episodes: int) -> None:
        for name, count in ((NUM_ENV_STEPS_SAMPLED, n_steps), (NUM_EPISODES, n_episodes)):
            self._metrics.log_value(name, count, reduce="sum")
        self._metrics.log_value(NUM_ENV_STEPS_SAMPLED_LIFETIME, n_steps, reduce="lifetime_sum", with_throughput=True)
        self._metrics.log_value(NUM_EPISODES_LIFETIME, n_episodes, reduce="lifetime_sum")
