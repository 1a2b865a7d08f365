"""SlateQ learned from the log: what it learns, and that it goes on exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from policies.base import Context, Lesson, PolicyError, SessionLearner, Slot
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.learnable import Learnable
from policies.slateq.learner import SlateQLearner
from policies.slateq.net import Sizes
from policies.slateq.on_policy import OnPolicySlateQ
from policies.slateq.options import SlateQOptions, parse
from policies.slateq.policy import SlateQPolicy
from tests.policies.neural.sessions import ACTIONS, sessions

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


def tell(learner: SlateQLearner, told: Sequence[Lesson | tuple[str, int]]) -> SlateQLearner:
    for one in told:
        if isinstance(one, Lesson):
            assert learner.learn([one]).n_learned == 1
        else:
            learner.end(*one)
    return learner


def shares(learner: SlateQLearner) -> np.ndarray[Any, Any]:
    request = SlateQPolicy(SMALL, learner.snapshot()).prepare(Context({"mood": 0.5}), ACTIONS)
    return request.distribution(Slot("0"), (), np.ones(3, dtype=np.bool_))


def test_it_learns_from_others_slates_what_pays_in_the_long_run() -> None:
    """A lure pays most at once; a treat lets the session go on."""
    assert isinstance(fresh(), SessionLearner)
    lure, treat, _ = shares(tell(fresh(), sessions(1500)))
    assert treat > 2 * lure


def test_without_a_look_ahead_it_learns_what_pays_at_once() -> None:
    """Else the test above would not show that it looks ahead."""
    blind = replace(SMALL, gamma=0.0)
    lure, treat, _ = shares(tell(fresh(blind), sessions(1500)))
    assert lure > 1.2 * treat


def test_saved_and_resumed_anywhere_it_ends_with_the_same_bytes() -> None:
    told = sessions(400, seed=1)
    whole, parts = tell(fresh(), told), fresh()
    for number, one in enumerate(told):
        tell(parts, [one])
        if number % 7 == 0 or number < 30:
            parts = SlateQLearner(SMALL, parts.state(), reward_range=RANGE)
    assert parts.state() == whole.state()
    assert parts.snapshot() == whole.snapshot() != fresh().snapshot()


@pytest.mark.parametrize("options", [{}, {"search": "greedy"}, {"explorer": "epsilon"}, {"item_units": 3}])
def test_before_the_encoder_is_fitted_every_slate_is_equally_likely(options: dict[str, Any]) -> None:
    learner = tell(fresh(parse(options)), sessions(19))
    request = SlateQPolicy(parse(options), learner.snapshot()).prepare(Context({"mood": 0.5}), ACTIONS)
    assert request.distribution(Slot("0"), (), np.ones(3, dtype=np.bool_)).tolist() == pytest.approx([1 / 3] * 3)
    assert request.distribution(Slot("1"), (1,), np.array([True, False, True])).tolist() == [0.5, 0.0, 0.5]
    assert learner.snapshot() == fresh().snapshot()


def test_too_many_open_steps_are_cut_and_told() -> None:
    options = parse({"fit_on": 5, "hidden": (4,), "most_open": 10})
    learner = tell(fresh(options), [one for one in sessions(60, n_open=30) if isinstance(one, Lesson)])
    assert next(iter(learner.trouble().values())) > 0
    assert fresh().trouble() == {}


def trained() -> tuple[bytes, bytes]:
    """What a training run in a world leaves, and the snapshot of the same."""
    encoder = DenseEncoder.fitted([(Context({"mood": mood}), ACTIONS) for mood in (0.1, 0.9)])
    sizes = Sizes(encoder.n_context, encoder.n_action, n_features(encoder.n_action), 1)
    agent = OnPolicySlateQ(SMALL, sizes, seed=1)
    agent.load({name: array + np.float32(0.1) for name, array in agent.arrays().items()})
    return Learnable.of("slateq", encoder, agent.arrays(), 2.0).to_bytes(), agent.snapshot(encoder)


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


@pytest.mark.parametrize("data", [b"", b"nonsense", fresh().snapshot()])
def test_other_bytes_are_no_state(data: bytes) -> None:
    with pytest.raises(PolicyError):
        SlateQLearner(SMALL, data, reward_range=RANGE)


def test_a_state_made_with_other_options_is_refused() -> None:
    state = tell(fresh(), sessions(100)).state()
    with pytest.raises(PolicyError, match="other options"):
        SlateQLearner(parse({"hidden": (16,)}), state, reward_range=RANGE)
