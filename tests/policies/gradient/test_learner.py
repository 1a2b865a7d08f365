from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from policies.base import Context, Lesson, PolicyError, SessionLearner, Slot
from policies.gradient.learner import GradientLearner
from policies.gradient.options import parse
from policies.gradient.policy import GradientPolicy
from policies.gradient.ppo import Ppo
from policies.neural import arrays
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder
from policies.neural.learnable import Learnable
from tests.policies.neural.sessions import ACTIONS, sessions

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


def tell(learner: GradientLearner, told: Sequence[Lesson | tuple[str, int]]) -> GradientLearner:
    for one in told:
        if isinstance(one, Lesson):
            assert learner.learn([one]).n_learned == 1
        else:
            learner.end(*one)
    return learner


def shares(learner: GradientLearner) -> np.ndarray[Any, Any]:
    request = GradientPolicy(SMALL, learner.snapshot()).prepare(Context({"mood": 0.5}), ACTIONS)
    return request.distribution(Slot("0"), (), np.ones(3, dtype=np.bool_))


def test_it_learns_from_others_slates_what_pays_in_the_long_run() -> None:
    """A lure pays most at once; a treat lets the session go on."""
    assert isinstance(fresh(), SessionLearner)
    lure, treat, dull = shares(tell(fresh(), sessions(1500)))
    assert treat > 2 * lure
    assert treat > 2 * dull


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
            parts = GradientLearner(SMALL, parts.state(), reward_range=RANGE)
    assert parts.state() == whole.state()
    assert parts.snapshot() == whole.snapshot()


def test_before_the_encoder_is_fitted_every_slate_is_equally_likely() -> None:
    learner = tell(fresh(), sessions(19))
    assert shares(learner).tolist() == [1 / 3] * 3
    assert learner.snapshot() == fresh().snapshot()


def test_ends_of_unknown_sessions_before_that_are_not_kept() -> None:
    learner = tell(fresh(), [lesson for lesson in sessions(10) if isinstance(lesson, Lesson)])
    before = learner.state()
    learner.end("session:unheard-of", 1)
    assert learner.state() == before
    learner.end("session:0", 2000)
    after = learner.state()
    learner.end("session:0", 2001)
    assert learner.state() == after != before


def test_too_many_open_steps_are_cut_and_told() -> None:
    options = parse({"fit_on": 5, "hidden": (4,), "most_open": 10})
    learner = tell(fresh(options), [one for one in sessions(60, n_open=30) if isinstance(one, Lesson)])
    assert next(iter(learner.trouble().values())) > 0
    assert fresh().trouble() == {}


def test_it_goes_on_from_what_was_trained_in_a_world() -> None:
    encoder = DenseEncoder.fitted([(Context({"mood": mood}), ACTIONS) for mood in (0.1, 0.9)])
    ppo = Ppo(SMALL, encoder.n_context, encoder.n_action, n_slots=1, seed=1)
    ppo.load({name: array + np.float32(0.1) for name, array in ppo.arrays().items()})
    trained = Learnable.of("gradient", encoder, ppo.arrays(), 2.0).to_bytes()
    learner = GradientLearner.from_trained(SMALL, trained, reward_range=RANGE, seed=3)
    assert learner.snapshot() == ppo.snapshot(encoder)
    tell(learner, sessions(300))
    assert learner.snapshot() != ppo.snapshot(encoder)


@pytest.mark.parametrize("data", [b"", b"nonsense", fresh().snapshot()])
def test_other_bytes_are_no_state(data: bytes) -> None:
    with pytest.raises(PolicyError):
        GradientLearner(SMALL, data, reward_range=RANGE)


def test_a_state_made_with_other_options_is_refused() -> None:
    state = tell(fresh(), sessions(100)).state()
    with pytest.raises(PolicyError, match="other options"):
        GradientLearner(parse({"hidden": (16,)}), state, reward_range=RANGE)


def test_a_range_must_rise() -> None:
    with pytest.raises(PolicyError, match="must rise"):
        GradientLearner.fresh(SMALL, reward_range=(1.0, 1.0), seed=1)


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


def scorer_of(learner: GradientLearner) -> Arrays:
    return arrays.from_bytes(msgspec.msgpack.decode(learner.snapshot())[3])
