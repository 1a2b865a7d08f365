"""Agents trained so little that it takes a second or two: real bytes to publish, serve and learn on from."""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest.mock import patch

from agent.starts import Start, pack
from simulator import encoded_world
from simulator.train import Budget, Course, TrainedAgent, train

WORLD, OPTIONS = "long-term-satisfaction-0.3", {"num_candidates": 5, "slate_size": 2}
AGENT_OPTIONS: dict[str, Any] = {"hidden": [8], "block": 32, "block_minibatch": 16}
"""From a log it learns often, so that few lessons are several updates."""

BUDGET = Budget(
    n_steps=2560, n_users=32, n_worlds=2, n_segment=20, n_validations=2, n_validation_users=20, n_test_users=20
)


@cache
def trained(kind: str) -> TrainedAgent:
    """Of seed 0."""
    with patch.object(encoded_world, "N_STEPS", 300):  # enough to fit one feature on
        return train(Course(kind, WORLD, OPTIONS, AGENT_OPTIONS, BUDGET), seed=0)


def start(kind: str) -> Start:
    """The same, as a loop begins with it."""
    found = trained(kind)
    return Start(kind, found.snapshot, found.learnable, 0.0, 100.0)


def packed(kind: str) -> bytes:
    """As it is sent."""
    return pack(start(kind))
