"""The view for one user."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from numpy.testing import assert_array_equal

from envs.single_env import SlateEnv
from envs.world import Feedback, WorldError
from tests.envs.fake_world import FakeWorld

SLATE = np.array([2, 0])


def test_a_step_has_no_leading_axis() -> None:
    env = SlateEnv(FakeWorld(1))
    observed, info = env.reset(seed=1)
    assert info == {}
    assert observed in env.observation_space
    observed, reward, ended, cut, info = env.step(SLATE, propensities=np.array([0.5, 0.25]))
    assert observed in env.observation_space
    assert (reward, ended, cut) == (2.0, False, False)
    assert all(type(value) is kind for value, kind in ((reward, float), (ended, bool), (cut, bool)))
    assert_array_equal(info["click_chances"], [1.0, 1.0])
    assert info["no_click_chance"] == 0.0
    assert_array_equal(info["propensities"], [0.5, 0.25])


def test_delayed_feedback_is_told() -> None:
    world = FakeWorld(1)
    env = SlateEnv(world)
    env.reset(seed=1)
    zero = np.zeros(1, dtype=np.intp)
    world.later = Feedback(zero, zero + 1, zero, zero, np.array([5.0]))
    assert env.step(SLATE)[4]["delayed"] is world.later


def test_an_end_and_a_cut_are_told_apart() -> None:
    world = FakeWorld(1, max_steps=2)
    env = SlateEnv(world)
    env.reset(seed=1)
    assert env.step(SLATE)[2:4] == (False, False)
    assert env.step(SLATE)[2:4] == (False, True)
    env.reset()
    world.ends = [0]
    assert env.step(SLATE)[2:4] == (True, False)


def test_after_the_end_comes_a_reset() -> None:
    env = SlateEnv(FakeWorld(1, max_steps=1))
    with pytest.raises(ResetNeeded, match=r"call reset\(\) before step"):
        env.step(SLATE)
    env.reset(seed=1)
    env.step(SLATE)
    with pytest.raises(ResetNeeded, match=r"the episode is over: call reset"):
        env.step(SLATE)
    env.reset()
    env.step(SLATE)


def test_each_reset_brings_a_new_user() -> None:
    env = SlateEnv(FakeWorld(1))
    assert [float(env.reset()[0]["user"][0]) for _ in range(3)] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([1, 1], r"action=\[1, 1\] shows a candidate twice"),
        ([0, 4], r"action\[1\]=4 is no candidate: indices go from 0 to 3"),
        ([-1, 0], r"action\[0\]=-1 is no candidate"),
        ([0, 1, 2], r"shape \(3,\) should have shape \(2,\)"),
        ([0.0, 1.0], "whole numbers"),
    ],
)
def test_what_is_no_slate_is_refused_and_changes_nothing(action: list[float], message: str) -> None:
    world = FakeWorld(1)
    env = SlateEnv(world)
    env.reset(seed=1)
    world.calls.clear()
    with pytest.raises(WorldError, match=message):
        env.step(np.array(action))
    assert world.calls == []


def test_a_world_of_many_has_no_single_view() -> None:
    with pytest.raises(WorldError, match="needs a world with num_envs=1, not 2"):
        SlateEnv(FakeWorld(2))
