"""A runner takes steps of all users at once, to learn from or to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from policies.base import PolicyError
from simulator.rllib.world_runner import WorldRunner
from tests.simulator.rllib.small import CONFIGS, N_SEGMENT, N_STEPS, N_USERS, config


def runner(kind: str, **options: Any) -> WorldRunner:
    made = config(kind, **options)
    made.validate()
    return WorldRunner(config=made, worker_index=0)


@pytest.mark.parametrize("kind", CONFIGS)
def test_steps_taken_are_those_to_learn_from(kind: str) -> None:
    made = runner(kind)
    with pytest.raises(RuntimeError, match=r"call roll\(\) first"):
        _ = made.rewards
    told = made.roll(0.0)
    assert told["num_env_steps_sampled"].peek() == N_STEPS
    once, half = made.steps(1.0), made.steps(2.0)
    name = "returns" if kind == "slateq" else "value_targets"
    assert once[name].shape == made.rewards.shape == (N_STEPS,)
    np.testing.assert_allclose(np.sort(half[name]), np.sort(once[name]) / 2, rtol=1e-5)  # fresh nets value nothing
    assert not np.array_equal(half[name], once[name] / 2)  # in random order


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_reward_that_is_not_finite_is_refused(kind: str) -> None:
    made = runner(kind)
    made.roll(0.0)
    assert made.fault() is None
    made.rewards[3] = np.nan
    assert made.fault() is not None
    with pytest.raises(PolicyError, match=r"rewards\[0, 3\]=nan"):
        made.steps(1.0)


def test_so_many_steps_or_a_few_more_are_taken_to_look_at() -> None:
    made = runner("slateq")
    assert [one.env_steps() for one in made.sample(num_timesteps=N_USERS + 1)] == [2 * N_USERS]
    assert [one.agent_steps() for one in made.sample()] == [N_USERS * N_SEGMENT]


def test_evaluations_have_the_same_users_and_explore_as_in_the_last_of_training() -> None:
    """Fresh nets think the first candidate as good as any; with all slates random, users fare otherwise."""
    made = runner("slateq", explore=1.0)
    returns = []
    for explore in (False, False, True):
        made.sample(num_episodes=20, explore=explore)
        returns.append(made.get_metrics()["episode_return_mean"].peek())
    assert returns[0] == returns[1] != returns[2]


def test_one_episode_is_too_few() -> None:
    made = runner("gradient")
    assert made.sample(num_episodes=1)[0].env_steps() == 2 * 60
    assert made.get_metrics()["num_episodes"].peek() == 2
