"""Learning from a log: the control's decisions alone, then the agent's own, through the join of every loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from envs.presets import make_world
from envs.world import World
from policies.base import LearnReport, Lesson
from policies.lessons import fault
from policies.neural import block_learner
from simulator.from_log import LogCourse, learn_from_log, marks
from simulator.train import Point

TINY = {"hidden": [8], "fit_on": 32, "block": 32, "block_minibatch": 16}


def world(n_users: int) -> World:
    return make_world("interest-evolution", num_envs=n_users)


def course(n_logged: int, n_served: int, kind: str = "slateq") -> LogCourse:
    return LogCourse(kind, world, n_logged, n_served, 2, options=TINY)


def test_looks_are_in_the_middle_and_at_the_end_of_both() -> None:
    assert marks(200, 100) == [100, 200, 250, 300]
    assert marks(200, 0) == [100, 200]
    assert marks(1, 1) == [1, 2]


@pytest.mark.parametrize("kind", ["slateq", "gradient"])
def test_it_learns_and_is_scored_at_the_end_of_the_log_and_after_serving(kind: str) -> None:
    told: list[Point] = []
    points, end = learn_from_log(course(400, 200, kind), seed=0, tell=told.append)
    assert points == told
    assert [one.n_steps for one in points] == [200, 400, 500, 600]
    assert points[end].n_steps == 400
    assert [0 < one.figures["learned"] <= one.n_steps for one in points] == [True] * 4
    assert points[0].score != points[-1].score


def test_lessons_are_the_controls_until_the_agent_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A uniform control's propensities are 1/10 and 1/9; the agent's own are others, with the same rewards and ends."""
    taken: list[Lesson] = []
    learn = block_learner.BlockLearner.learn

    def spied(self: block_learner.BlockLearner, lessons: Sequence[Lesson]) -> LearnReport:  # type: ignore[type-arg]  # any
        taken.extend(lessons)
        return learn(self, lessons)

    monkeypatch.setattr(block_learner.BlockLearner, "learn", spied)
    learn_from_log(course(400, 200), seed=0)
    assert not any(fault(one) for one in taken)
    uniform = [np.allclose(one.slate.propensities, (1 / 10, 1 / 9)) for one in taken]
    assert all(uniform[:400])
    assert len(taken) > 450
    assert not any(uniform[400:])
    assert len({one.trajectory for one in taken}) > 3
    assert 0.5 < float(np.mean([sum(one.rewards) for one in taken])) < 4.0


def test_seeds_differ_and_repeat() -> None:
    first, _ = learn_from_log(course(200, 0), seed=0)
    again, _ = learn_from_log(course(200, 0), seed=0)
    other, _ = learn_from_log(course(200, 0), seed=1)
    assert first == again
    assert first != other
