"""The agents that can be trained: each learns from its own slates and can be served."""

from __future__ import annotations

import numpy as np
import pytest

from policies.agents import KINDS
from policies.base import Action, Context
from policies.neural.dense import DenseEncoder
from simulator.trainees import make_trainee
from tests.policies.neural.segments import N_ACTION, N_CANDIDATES, N_CONTEXT, N_SLOTS, segment


def encoder() -> DenseEncoder:
    """Of as many coordinates as the made-up segments have."""
    context = Context({f"c{number}": float(number) for number in range(N_CONTEXT - 1)})
    return DenseEncoder.fitted([(context, [Action("a", {f"a{number}": 1.0 for number in range(N_ACTION - 1)})])])


@pytest.mark.parametrize("kind", KINDS)
def test_it_acts_learns_and_can_be_saved(kind: str) -> None:
    trainee = make_trainee(kind, {"hidden": [4], "minibatch": 8}, encoder(), n_slots=N_SLOTS, seed=0)
    dice = np.random.default_rng(0)
    contexts = dice.normal(size=(20, N_CONTEXT)).astype(np.float32)
    candidates = dice.normal(size=(20, N_CANDIDATES, N_ACTION)).astype(np.float32)
    before = trainee.snapshot(encoder())
    figures = trainee.update(segment(), progress=0.1)
    assert all(np.isfinite(value) for value in figures.values())
    assert trainee.snapshot(encoder()) != before
    for slates in (trainee.act(contexts, candidates, progress=0.5, dice=dice), trainee.greedy(contexts, candidates)):
        assert slates.shape == (20, N_SLOTS)
        assert (slates[:, 0] != slates[:, 1]).all()
