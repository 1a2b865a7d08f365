"""Histories of logged sessions: what was clicked until then, and what neither fills nor follows adds nothing."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from policies.neural.history import CLICKED_SCALE, COUNT_SCALE
from policies.neural.logged import LoggedStep
from policies.neural.sessions import histories_of
from policies.trajectories import Trajectory


def step(shown: list[float], clicks: list[bool]) -> LoggedStep:
    """Items with a constant 1 and one feature."""
    n = len(shown)
    return LoggedStep(
        context=np.zeros(1, dtype=np.float32),
        candidates=np.array([[1.0, feature] for feature in shown], dtype=np.float32),
        items=np.arange(n, dtype=np.uint16),
        logged=np.zeros(n, dtype=np.float32),
        rewards=np.zeros(n, dtype=np.float32),
        clicks=np.array(clicks),
        allowed=np.ones((n, n), dtype=np.bool_),
    )


STEPS = (step([3.0, 5.0], [True, True]), step([7.0], [False]), step([9.0], [True]))


def test_clicks_and_steps_without_one_are_counted_whatever_the_length_of_the_slate() -> None:
    """Sum of the clicked items' features, number of clicks, number of steps without one: before each step and after."""
    counted = [[0, 0, 0], [8, 2, 0], [8, 2, 1], [17, 3, 1]]
    assert_allclose(histories_of(Trajectory("t", STEPS)), counted * np.array([CLICKED_SCALE, *[COUNT_SCALE] * 2]))


def test_what_follows_a_cut_adds_nothing() -> None:
    cut = histories_of(Trajectory("t", STEPS[:2], following=STEPS[2]))
    assert_array_equal(cut, histories_of(Trajectory("t", STEPS[:2])))
