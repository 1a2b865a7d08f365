"""The contract of agents that learn from the log: they look ahead, go on exactly, and refuse other bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from policies import registry
from policies.agents import KINDS
from policies.base import Context, Learner, Lesson, PolicyError, SessionLearner, Slot
from tests.policies.neural.sessions import ACTIONS, sessions, tell

RANGE = (0.0, 1.0)
SMALL = {"fit_on": 20, "block": 64, "hidden": [8], "gap_s": 60.0, "temperature": 1.0}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "slateq": {"block_minibatch": 16, "block_learning_rate": 3e-3, "block_epochs": 2, "block_share": 0.3, **SMALL},
    "gradient": {"block_minibatch": 32, "block_learning_rate": 1e-3, "block_epochs": 4, "block_share": 0.5, **SMALL},
}
"""Quick to learn a small problem."""

pytestmark = pytest.mark.parametrize("kind", KINDS)


def fresh(kind: str, **options: Any) -> SessionLearner:
    made = registry.make_learner(kind, {**OPTIONS[kind], **options}, reward_range=RANGE, seed=5)
    assert isinstance(made, SessionLearner)
    return made


def resumed(kind: str, state: bytes, **options: Any) -> SessionLearner:
    made = registry.resume_learner(kind, {**OPTIONS[kind], **options}, state, reward_range=RANGE)
    assert isinstance(made, SessionLearner)
    return made


def shares(kind: str, learner: Learner) -> list[float]:
    policy = registry.make_policy(kind, OPTIONS[kind], learner.snapshot(), reward_range=RANGE)
    request = policy.prepare(Context({"mood": 0.5}), ACTIONS)
    found: list[float] = request.distribution(Slot("0"), (), np.ones(3, dtype=np.bool_)).tolist()
    return found


def test_it_learns_from_others_slates_what_pays_in_the_long_run(kind: str) -> None:
    """A lure pays most at once; a treat lets the session go on."""
    lure, treat, _ = shares(kind, tell(fresh(kind), sessions(1500)))
    assert treat > 2 * lure


def test_without_a_look_ahead_it_learns_what_pays_at_once(kind: str) -> None:
    """Else the test above would not show that it looks ahead."""
    lure, treat, _ = shares(kind, tell(fresh(kind, gamma=0.0), sessions(1500)))
    assert lure > 1.2 * treat


def test_saved_and_resumed_anywhere_it_ends_with_the_same_bytes(kind: str) -> None:
    told = sessions(400, seed=1)
    whole, parts = tell(fresh(kind), told), fresh(kind)
    for number, one in enumerate(told):
        tell(parts, [one])
        if number % 7 == 0 or number < 30:
            parts = resumed(kind, parts.state())
    assert parts.state() == whole.state()
    assert parts.snapshot() == whole.snapshot() != fresh(kind).snapshot()


def test_before_the_encoder_is_fitted_every_slate_is_equally_likely(kind: str) -> None:
    learner = tell(fresh(kind), sessions(19))
    assert shares(kind, learner) == pytest.approx([1 / 3] * 3)
    assert learner.snapshot() == fresh(kind).snapshot()


def test_ends_of_unknown_sessions_before_that_are_not_kept(kind: str) -> None:
    learner = tell(fresh(kind), [lesson for lesson in sessions(10) if isinstance(lesson, Lesson)])
    before = learner.state()
    learner.end("session:unheard-of", 1)
    assert learner.state() == before
    learner.end("session:0", 2000)
    after = learner.state()
    learner.end("session:0", 2001)
    assert learner.state() == after != before


@pytest.mark.parametrize("data", [b"", b"nonsense", "a snapshot"])
def test_other_bytes_are_no_state(kind: str, data: bytes | str) -> None:
    with pytest.raises(PolicyError):
        resumed(kind, fresh(kind).snapshot() if isinstance(data, str) else data)


def test_a_state_of_another_kind_is_refused(kind: str) -> None:
    other = next(one for one in KINDS if one != kind)
    for n_told in (5, 100):
        with pytest.raises(PolicyError):
            resumed(kind, tell(fresh(other), sessions(n_told)).state())


def test_a_state_made_with_other_options_is_refused(kind: str) -> None:
    state = tell(fresh(kind), sessions(100)).state()
    with pytest.raises(PolicyError, match="other options"):
        resumed(kind, state, hidden=[16])


def test_a_range_must_rise(kind: str) -> None:
    with pytest.raises(PolicyError, match="must rise"):
        registry.make_learner(kind, {}, reward_range=(1.0, 1.0), seed=1)
