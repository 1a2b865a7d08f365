"""The policy gradient learned from the log: what is its own; what all share is in ``tests/contracts/``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from policies.base import Context, Lesson
from policies.gradient.learner import GradientLearner
from policies.gradient.options import parse
from policies.gradient.ppo import Ppo
from policies.neural import arrays
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder
from policies.neural.learnable import Learnable
from tests.policies.neural.sessions import ACTIONS, sessions, tell

RANGE = (0.0, 1.0)
SMALL = parse(
    {
        "fit_on": 20,
        "block": 64,
        "block_minibatch": 32,
        "block_learning_rate": 1e-3,
        "block_epochs": 4,
        "block_share": 0.5,
        "hidden": (8,),
        "gap_s": 60.0,
    }
)


def fresh(options: Any = SMALL) -> GradientLearner:
    return GradientLearner.fresh(options, reward_range=RANGE, seed=5)


def test_it_goes_on_from_what_was_trained_in_a_world() -> None:
    encoder = DenseEncoder.fitted([(Context({"mood": mood}), ACTIONS) for mood in (0.1, 0.9)])
    ppo = Ppo(SMALL, encoder.n_context, encoder.n_action, n_slots=1, seed=1)
    ppo.load({name: array + np.float32(0.1) for name, array in ppo.arrays().items()})
    known = Learnable.of("gradient", encoder, parameters=ppo.arrays(), reward_scale=2.0, fixed=ppo.fixed)
    learner = GradientLearner.from_trained(SMALL, known.to_bytes(), reward_range=RANGE, seed=3)
    assert learner.snapshot() == ppo.snapshot(encoder)
    tell(learner, sessions(300))
    assert learner.snapshot() != ppo.snapshot(encoder)


def test_what_serves_is_a_running_mean_of_what_was_learned() -> None:
    """After one block, half of the way from the first nets to the newest."""
    told = [one for one in sessions(500, seed=2) if isinstance(one, Lesson)]
    before, newest, half = (
        scorer_of(tell(fresh(replace(SMALL, block=256, block_share=share, most_steps=1)), told[:n]))
        for n, share in ((200, 1.0), (500, 1.0), (500, 0.5))
    )
    assert any(not np.array_equal(newest[name], before[name]) for name in before)
    for name, array in before.items():
        np.testing.assert_allclose(half[name], (array + newest[name]) / 2, atol=1e-6)


def test_nets_that_are_sure_learn_from_what_they_would_never_show() -> None:
    """Two of three actions have no chance that float32 could hold; the log shows them as often, clicked and not."""
    encoder = DenseEncoder.fitted([(Context({"mood": mood}), ACTIONS) for mood in (0.1, 0.9)])
    ppo = Ppo(SMALL, encoder.n_context, encoder.n_action, n_slots=1, seed=1)
    lure, treat, dull = encoder.actions(ACTIONS)
    apart = lure - (treat + dull) / 2
    sure = 150 / np.float32(apart @ apart) * apart
    assert np.min((lure - np.stack([treat, dull])) @ sure) >= 149.0
    ppo.load({**ppo.arrays(), "scorer.context.out.bias": sure})
    known = Learnable.of("gradient", encoder, parameters=ppo.arrays(), reward_scale=1.0, fixed=ppo.fixed)
    learner = GradientLearner.from_trained(SMALL, known.to_bytes(), reward_range=RANGE, seed=3)
    tell(learner, sessions(300))
    assert learner.trouble() == {}
    assert learner.snapshot() != ppo.snapshot(encoder)


def scorer_of(learner: GradientLearner) -> Arrays:
    return arrays.from_bytes(msgspec.msgpack.decode(learner.snapshot())[3])
