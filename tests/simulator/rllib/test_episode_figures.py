"""Figures of episodes go on from segment to segment, and tell of the latest."""

from __future__ import annotations

import dataclasses

import numpy as np
from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

from simulator.rllib.episode_figures import EpisodeFigures
from tests.policies.neural.segments import segment


def test_an_episode_may_span_segments() -> None:
    metrics = MetricsLogger(root=False)
    figures = EpisodeFigures(metrics, 3)
    first = dataclasses.replace(segment(n_steps=4), rewards=np.ones((4, 3), dtype=np.float32))
    second = dataclasses.replace(segment(n_steps=4, ended=[(1, 0)], cut=[(3, 2)]), rewards=first.rewards * 2)
    figures.tell(first)
    assert "episode_return_mean" not in metrics.reduce()
    figures.tell(second)
    told = metrics.reduce()
    assert told["episode_return_mean"].peek() == np.mean([4 + 2 * 2, 4 + 4 * 2])
    assert told["episode_len_mean"].peek() == np.mean([4 + 2, 4 + 4])
    assert (told["num_episodes"].peek(), told["num_env_steps_sampled"].peek()) == (2, 12)
    figures.tell(first)
    assert metrics.reduce()["episode_return_mean"].peek() == np.mean([8, 12])  # the latest, though none ended now
