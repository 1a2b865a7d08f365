"""SlateQ learned from the log: what is its own; what all share is in ``tests/contracts/``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from policies.base import Context, PolicyError, Slot
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.learnable import Learnable
from policies.slateq.learner import SlateQLearner
from policies.slateq.net import Sizes
from policies.slateq.on_policy import OnPolicySlateQ
from policies.slateq.options import SlateQOptions, parse
from policies.slateq.policy import SlateQPolicy
from tests.policies.neural.sessions import ACTIONS, sessions, tell

RANGE = (0.0, 1.0)
SMALL = parse(
    {
        "fit_on": 20,
        "block": 64,
        "block_minibatch": 16,
        "block_learning_rate": 3e-3,
        "block_epochs": 2,
        "block_share": 0.3,
        "hidden": (8,),
        "gap_s": 60.0,
        "temperature": 1.0,
    }
)


def fresh(options: SlateQOptions = SMALL) -> SlateQLearner:
    return SlateQLearner.fresh(options, reward_range=RANGE, seed=5)


@pytest.mark.parametrize("options", [{}, {"search": "greedy"}, {"explorer": "epsilon"}, {"item_units": 3}])
def test_before_the_encoder_is_fitted_every_slate_is_equally_likely(options: dict[str, Any]) -> None:
    learner = tell(fresh(parse(options)), sessions(19))
    request = SlateQPolicy(parse(options), learner.snapshot()).prepare(Context({"mood": 0.5}), ACTIONS)
    assert request.distribution(Slot("0"), (), np.ones(3, dtype=np.bool_)).tolist() == pytest.approx([1 / 3] * 3)
    assert request.distribution(Slot("1"), (1,), np.array([True, False, True])).tolist() == [0.5, 0.0, 0.5]
    assert learner.snapshot() == fresh().snapshot()


def trained() -> tuple[bytes, bytes]:
    """What a training run in a world leaves, and the snapshot of the same."""
    encoder = DenseEncoder.fitted([(Context({"mood": mood}), ACTIONS) for mood in (0.1, 0.9)])
    sizes = Sizes(encoder.n_context, encoder.n_action, n_features(encoder.n_action), 1)
    agent = OnPolicySlateQ(SMALL, sizes, seed=1)
    agent.load({name: array + np.float32(0.1) for name, array in agent.arrays().items()})
    known = Learnable.of("slateq", encoder, parameters=agent.arrays(), reward_scale=2.0, fixed=agent.fixed)
    return known.to_bytes(), agent.snapshot(encoder)


def test_it_goes_on_from_what_was_trained_in_a_world() -> None:
    known, served = trained()
    learner = SlateQLearner.from_trained(SMALL, known, reward_range=RANGE, seed=3)
    assert learner.snapshot() == served
    tell(learner, sessions(300))
    assert learner.snapshot() != served


def test_what_was_trained_must_fit_the_kind_and_the_options() -> None:
    known, _ = trained()
    with pytest.raises(PolicyError, match="other options"):
        SlateQLearner.from_trained(parse({"hidden": (16,)}), known, reward_range=RANGE, seed=3)
    with pytest.raises(PolicyError, match="kind 'slateq'"):
        Learnable.from_bytes(known, "gradient")
    with pytest.raises(PolicyError, match="no trained agent"):
        Learnable.from_bytes(b"nonsense", "slateq")
