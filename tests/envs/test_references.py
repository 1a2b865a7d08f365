from __future__ import annotations

import math

import numpy as np
import pytest

from envs.episodes import run_episodes
from envs.presets import make_world
from envs.references import choosers
from envs.world import Streams, WorldError
from tests.envs.tiny_world import TinyWorld

PARITY = ["interest-evolution", "interest-exploration", "long-term-satisfaction"]


@pytest.mark.parametrize("preset", PARITY)
def test_every_reference_gives_slates(preset: str) -> None:
    world = make_world(preset, num_envs=3, num_candidates=6, slate_size=3)
    everyone = np.ones(3, dtype=np.bool_)
    world.seed(Streams.spawn(1))
    world.begin(everyone)
    world.offer()
    for chooser in choosers(world.name).values():
        if hasattr(chooser, "begin"):
            chooser.begin(world, everyone)
        slates = np.sort(chooser(world, np.random.default_rng(1)), axis=1)
        assert slates.shape == (3, 3)
        assert slates.min() >= 0
        assert slates.max() < 6
        assert (slates[:, 1:] > slates[:, :-1]).all()


def test_every_world_has_the_three() -> None:
    assert list(choosers("tiny")) == ["random", "myopic", "informed"]


def test_random_shows_all_slates_alike() -> None:
    """24,000 slates of 2 from 4 candidates, in order: 12 outcomes of 2,000; 5 standard deviations are 214."""
    slates = choosers("tiny")["random"](TinyWorld(24_000, 4, 2), np.random.default_rng(1))
    counts = np.bincount(slates[:, 0] * 4 + slates[:, 1], minlength=16)
    assert (np.abs(counts[counts > 0] - 2000) < 214).all()
    assert (counts > 0).sum() == 12


@pytest.mark.parametrize("preset", PARITY)
def test_informed_beats_random_clearly(preset: str) -> None:
    world = make_world(preset, num_envs=100)
    random, informed = (
        run_episodes(world, choosers(world.name)[name], n_episodes=300, seed=1).estimate("return")
        for name in ("random", "informed")
    )
    assert informed.mean - random.mean > 5 * math.hypot(random.se, informed.se)


def test_a_reference_of_another_world_is_refused() -> None:
    with pytest.raises(WorldError, match=r"world=tiny: this policy is for interest-evolution"):
        choosers("interest-evolution")["quality"](TinyWorld(1, 4, 2), np.random.default_rng(1))
