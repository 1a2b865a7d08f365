"""Replay: what a ring holds, what lies ahead of a step, and that nets learn from it what pays over a whole session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks.replay_learner import NOTHING, Drawn, Moments, Replaying, ReplayOptions, Ring
from policies.base import Context
from policies.neural import arrays
from policies.neural.dense import DenseEncoder
from policies.neural.logged import LoggedStep
from policies.neural.sessions import LoggedTrajectory, histories_of
from policies.slateq.options import SlateQOptions
from policies.slateq.snapshot import Snapshot
from policies.trajectories import Trajectory
from tests.benchmarks.two_items import TWO, A, B, step
from tests.policies.offers import lessons

TOLD = [replace(one, rewards=[1.0, 0.0, 0.0]) for one in lessons(12, seed=2)]
ENCODER = DenseEncoder.fitted([(one.context, one.actions) for one in TOLD])
STEPS = tuple(LoggedStep.of(one, ENCODER, list(one.rewards)) for one in TOLD)
LINEAR = SlateQOptions(hidden=())


def ring(n_ahead: int, *trajectories: LoggedTrajectory, capacity: int = 100) -> Ring:
    made = Ring(capacity, n_ahead)
    for one in trajectories:
        made.add(one)
    return made


def drawn(held: Ring) -> dict[int, dict[str, Any]]:
    """Number of the step in ``STEPS`` → its row; 300 draws of at most 8 miss one with chance 8 (7/8)^300 < 1e-16."""
    found: Drawn = held.draw(300, np.random.default_rng(0))
    numbers = [
        next(number for number, step in enumerate(STEPS) if np.array_equal(step.context, context))
        for context in found.contexts
    ]
    return {
        number: {name: column[row] for name, column in found._asdict().items()} for row, number in enumerate(numbers)
    }


def test_a_step_is_worth_the_rewards_until_what_lies_ahead() -> None:
    held = ring(2, Trajectory("t", STEPS[:5]))
    found = drawn(held)
    assert [found[number]["rewards"] for number in range(5)] == [2.0, 2.0, 2.0, 2.0, 1.0]
    assert [found[number]["ahead"] for number in range(5)] == [2, 3, 4, NOTHING, NOTHING]
    assert len(held) == 5


def test_a_cut_trajectory_looks_ahead_to_what_follows_which_is_never_drawn() -> None:
    found = drawn(ring(2, Trajectory("t", STEPS[:5], following=STEPS[5])))
    assert [found[number]["rewards"] for number in range(5)] == [2.0, 2.0, 2.0, 2.0, 1.0]
    assert [found[number]["ahead"] for number in range(5)] == [2, 3, 4, 5, 5]
    assert sorted(found) == [0, 1, 2, 3, 4]


def test_a_row_holds_what_was_logged() -> None:
    session = Trajectory("t", STEPS[:5])
    held = ring(1, session)
    found, histories = drawn(held), histories_of(session)
    for number in range(5):
        assert_allclose(found[number]["shown"], STEPS[number].shown)
        assert_allclose(found[number]["histories"], histories[number])
        assert found[number]["outcome"].sum() == pytest.approx(1.0)
    ahead = held.moments(np.array([1, 3]))
    assert_allclose(ahead.contexts, [STEPS[1].context, STEPS[3].context])
    assert_allclose(ahead.candidates, [STEPS[1].candidates, STEPS[3].candidates])
    assert_allclose(ahead.slates, [STEPS[1].items, STEPS[3].items])
    assert_allclose(ahead.histories, histories[[1, 3]])


def test_the_oldest_rows_are_overwritten_and_what_lies_ahead_of_the_others_still_stands() -> None:
    held = ring(1, Trajectory("t", STEPS[:4]), Trajectory("u", STEPS[4:8]), capacity=6)
    found = drawn(held)
    assert len(held) == 6
    assert sorted(found) == [2, 3, 4, 5, 6, 7]
    for number in (2, 4, 5, 6):
        ahead = held.moments(np.array([found[number]["ahead"]]))
        assert_allclose(ahead.contexts[0], STEPS[number + 1].context)


def test_what_lies_ahead_is_worth_its_best_slate_or_the_one_that_was_shown() -> None:
    """Moments worth 3, a click on a worth 1 more, on b 1 less, none 0; all as likely: the slate of a is worth 3.5."""
    for bootstrap, worth in (("best", [3.5, 3.5]), ("shown", [3.5, 2.5])):
        how = ReplayOptions(bootstrap="best" if bootstrap == "best" else "shown")
        made = Replaying(LINEAR, TWO, n_slots=1, seed=0, how=how)
        known = arrays.from_bytes(made.parameters())
        known["value.direct.bias"][:] = 3.0 / LINEAR.value_scale
        known["advantage.direct.bias"][:-1] = (A - B) / ((A - B) @ A)
        assert_allclose((A - B) @ A, -(A - B) @ B, rtol=1e-5)
        made.restore(arrays.to_bytes(known))
        ahead = Moments(
            contexts=np.stack([TWO.context(Context())] * 2),
            histories=np.zeros((2, TWO.n_action + 1), dtype=np.float32),
            candidates=np.stack([np.stack([A, B])] * 2),
            slates=np.array([[0], [1]]),
        )
        assert_allclose(made.worth(ahead), worth, rtol=1e-5)


@pytest.mark.parametrize("how", [ReplayOptions(), ReplayOptions(bootstrap="shown"), ReplayOptions(n_ahead=1)])
def test_it_learns_what_pays_over_the_session(how: ReplayOptions) -> None:
    """b brings 1 and ends the session, a brings 0.6 and goes on: after a fair coin, a is worth 0.6 and more than 0.8
    at least wherever a step follows."""
    dice, sessions = np.random.default_rng(3), list[LoggedTrajectory]()
    for _ in range(100):
        shown = [0] * int(dice.geometric(0.5) - 1)
        steps = [*(step(show=0, reward=0.6) for _ in shown), step(show=1, reward=1.0)]
        sessions.append(Trajectory("", tuple(steps)))
    how = replace(how, n_uses=100.0, batch=64, first_learning_rate=1e-2, last_learning_rate=1e-3, follow=0.1)
    made = Replaying(LINEAR, TWO, n_slots=1, seed=0, how=replace(how, n_annealed=10**6))
    made.learn(sessions, np.random.default_rng(0))
    assert made.n_updates == -(-sum(len(one.steps) for one in sessions) * 100 // 64)
    model = Snapshot.from_bytes(made.snapshot()).model
    values = model.prospects(TWO.context(Context())[None], np.stack([A, B])[None]).values[0]
    assert values[0] > values[1]


def test_steps_are_learned_from_as_often_as_asked_block_after_block() -> None:
    how = ReplayOptions(n_uses=4.0, batch=8)
    made = Replaying(LINEAR, TWO, n_slots=1, seed=0, how=how)
    block = [Trajectory("", tuple(step(show=0, reward=1.0) for _ in range(5)))]
    numbers = []
    for _ in range(4):
        made.learn(block, np.random.default_rng(0))
        numbers.append(made.n_updates)
    assert numbers == [3, 5, 8, 10], "5, 10, 15 and 20 steps, 4 times each, in batches of 8"
