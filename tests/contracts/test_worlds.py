"""Every world keeps the contract, and every registered environment Gymnasium's."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.presets import NAMESPACE, PRESETS, make_world
from envs.slate_env import SlateVectorEnv
from envs.world import WorldError
from tests.contracts.world_contract import Make, WorldContract

CHECKED = [
    "interest-evolution",
    "interest-evolution-visible-budget",
    "interest-exploration",
    "interest-exploration-hard",
    "long-term-satisfaction",
    "long-term-satisfaction-0.3",
    "news",
    "shop",
    "streaming",
]
"""Presets; a new world adds its own."""


@pytest.fixture(params=CHECKED)
def preset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestWorld(WorldContract):
    @pytest.fixture
    def make(self, preset: str) -> Make:
        return partial(make_world, preset)

    def test_a_slot_earns_within_the_range(self, make: Make) -> None:
        if make().name == "long-term-satisfaction":
            pytest.skip("engagement has no greatest value: how much is beyond the range is tested with the world")
        super().test_a_slot_earns_within_the_range(make)


def test_gymnasium_finds_nothing_to_complain_about(preset: str) -> None:
    world, options = PRESETS[preset]
    env = gymnasium.make(f"{NAMESPACE}/{world}", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
        env.reset(seed=1)
        for _ in range(5):
            _, _, ended, cut, _ = env.step(env.action_space.sample())
            if ended or cut:
                env.reset()


def test_a_vector_of_single_users_works_too(preset: str) -> None:
    world, options = PRESETS[preset]
    env = gymnasium.make_vec(f"{NAMESPACE}/{world}", num_envs=3, vectorization_mode="sync", **options)
    observed, _ = env.reset(seed=1)
    assert observed in env.observation_space
    for _ in range(5):
        observed, rewards, *_ = env.step(env.action_space.sample())
        assert observed in env.observation_space
        assert rewards.shape == (3,)


def test_observations_can_be_flattened(preset: str) -> None:
    world, options = PRESETS[preset]
    env: gymnasium.Env[Any, Any] = gymnasium.wrappers.FlattenObservation(
        gymnasium.make(f"{NAMESPACE}/{world}", **options)
    )
    observed, _ = env.reset(seed=1)
    assert observed.ndim == 1
    assert observed in env.observation_space


def test_the_vector_entry_point_gives_the_native_vector(preset: str) -> None:
    world, options = PRESETS[preset]
    env = gymnasium.make_vec(f"{NAMESPACE}/{world}", num_envs=4, vectorization_mode="vector_entry_point", **options)
    assert isinstance(env.unwrapped, SlateVectorEnv)
    env.reset(seed=1)
    rewards = env.step(env.action_space.sample())[1]
    assert rewards.dtype == np.float64


def test_a_wrong_option_is_named_with_what_there_is(preset: str) -> None:
    with pytest.raises(WorldError, match=r"speed=3: .* has no such option; there are num_candidates, slate_size"):
        make_world(preset, speed=3)
