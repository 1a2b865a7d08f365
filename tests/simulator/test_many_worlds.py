"""Many worlds as one: each goes its own way, and nobody's users are another's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from envs.presets import make_world
from envs.streaming import Streaming
from envs.world import Streams, World
from simulator.many_worlds import ManyWorlds
from tests.envs.tiny_world import TinyWorld


def streaming(n_users: int) -> World:
    return make_world("streaming", num_envs=n_users)


def started(n_users: int = 7, n_worlds: int = 3, seed: int = 0) -> ManyWorlds:
    world = ManyWorlds(streaming, n_users=n_users, n_worlds=n_worlds)
    world.seed(Streams.spawn(seed))
    world.begin(np.ones(n_users, dtype=np.bool_))
    world.offer()
    return world


def test_users_are_dealt_evenly() -> None:
    assert [world.n_users for world in started().worlds] == [3, 2, 2]
    assert len(ManyWorlds(streaming, n_users=2, n_worlds=16).worlds) == 2


def test_each_world_has_a_catalogue_of_its_own_and_all_follow_the_seed() -> None:
    def appeals(world: ManyWorlds) -> list[float]:
        return [float(one.titles.appeal[0]) for one in world.worlds if isinstance(one, Streaming)]

    assert len(set(appeals(started()))) == 3
    assert appeals(started()) == appeals(started())
    assert appeals(started()) != appeals(started(seed=1))


def test_everyone_is_observed_and_reacts_in_place() -> None:
    world = started()
    users, items = world.observe()
    assert_array_equal(users[3:5], world.worlds[1].observe()[0])
    assert_array_equal(items[5:], world.worlds[2].observe()[1])
    assert world.describe(4) == world.worlds[1].describe(1)
    reaction = world.react(world.informed(), np.ones(7, dtype=np.bool_))
    assert reaction.clicks.shape == (7, 3)
    assert reaction.rewards.shape == reaction.ended.shape == reaction.no_click_chance.shape == (7,)
    assert reaction.response["watch_min"].shape == (7, 3)
    assert world.max_steps == 100
    assert world.shape.user[0].shape == users.shape[1:]


def test_only_worlds_with_new_users_hear_of_them() -> None:
    world = ManyWorlds(lambda n_users: TinyWorld(n_users, 3, 1), n_users=4, n_worlds=2)
    world.seed(Streams.spawn(0))
    world.begin(np.array([False, True, False, False]))
    assert [one.log for one in world.worlds if isinstance(one, TinyWorld)] == [["begin .x"], []]


def test_there_is_nobody_beyond_the_last_place() -> None:
    with pytest.raises(IndexError, match="there are 7 places"):
        started().describe(7)
