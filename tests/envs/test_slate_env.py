"""The vectorised core and what it asks of a world, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from numpy.testing import assert_array_equal

from envs.slate_env import SlateVectorEnv
from envs.slate_space import SlateSpace
from envs.world import Feedback, Indices, WorldError
from tests.envs.fake_world import FakeWorld

SLATES: Indices = np.array([[0, 1], [2, 3], [3, 0]])


def env_of(world: FakeWorld) -> SlateVectorEnv:
    env = SlateVectorEnv(world)
    env.reset(seed=1)
    world.calls.clear()
    return env


def feedback(*users: int) -> Feedback:
    n = len(users)
    zeros = np.zeros(n, dtype=np.intp)
    return Feedback(np.array(users), zeros + 1, zeros, zeros, np.arange(float(n)))


def test_reset_with_a_seed_begins_the_world_anew_and_without_one_does_not() -> None:
    world = FakeWorld(3)
    env = SlateVectorEnv(world)
    env.reset(seed=1)
    assert world.calls == ["seed", "begin [0, 1, 2]", "offer"]
    first = world.first_number
    env.reset()
    assert world.calls[3:] == ["begin [0, 1, 2]", "offer"]
    env.reset(seed=1)
    assert world.calls[5:] == ["seed", "begin [0, 1, 2]", "offer"]
    assert world.first_number == first
    env.reset(seed=2)
    assert world.first_number != first


def test_the_first_reset_seeds_the_world_even_without_a_seed() -> None:
    world = FakeWorld(1)
    SlateVectorEnv(world).reset()
    assert world.calls[0] == "seed"


def test_reset_knows_no_slates_yet() -> None:
    observed, info = SlateVectorEnv(FakeWorld(3)).reset(seed=1)
    assert info == {}
    assert_array_equal(observed["user"], [[0], [1], [2]])
    assert sorted(observed["response"]) == ["click", "worth"]
    for values in observed["response"].values():
        assert_array_equal(values, np.zeros((3, 2)))


def test_a_step_reacts_then_offers() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    observed, rewards, ended, cut, info = env.step(SLATES)
    assert world.calls == ["react", "offer"]
    assert_array_equal(world.shown, SLATES)
    assert_array_equal(world.active, [True] * 3)
    assert_array_equal(observed["items"], np.full((3, 4, 1), 2.0))
    assert_array_equal(observed["response"]["click"], np.ones((3, 2)))
    assert_array_equal(rewards, [2.0] * 3)
    assert not ended.any()
    assert not cut.any()
    assert sorted(info) == ["click_chances", "no_click_chance"]


def test_an_end_shows_the_last_state_and_the_next_step_the_next_user() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    world.ends = [1]
    observed, rewards, ended, _, _ = env.step(SLATES)
    assert_array_equal(ended, [False, True, False])
    assert_array_equal(rewards, [2.0] * 3)
    assert_array_equal(observed["user"][:, 0], [0, 1, 2])
    world.ends, world.calls = [0, 1], []
    observed, rewards, ended, _, _ = env.step(SLATES)
    assert world.calls == ["react", "begin [1]", "offer"]
    assert_array_equal(world.active, [True, False, True])
    assert_array_equal(rewards, [2.0, 0.0, 2.0])
    assert_array_equal(ended, [True, False, False])
    assert_array_equal(observed["user"][:, 0], [0, 3, 2])
    assert_array_equal(observed["response"]["worth"], [[1, 1], [0, 0], [1, 1]])


def test_the_action_after_an_end_may_be_anything() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    world.ends = [1]
    env.step(SLATES)
    world.ends = []
    wrong = SLATES.copy()
    wrong[1] = -1
    env.step(wrong)
    assert_array_equal(wrong[1], [-1, -1])
    with pytest.raises(WorldError, match=r"action\[1\]\[0\]=-1 is no candidate"):
        env.step(wrong)


def test_a_wrong_shape_is_an_error_even_after_an_end() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    world.ends = [1]
    env.step(SLATES)
    with pytest.raises(WorldError, match=r"action of shape \(2, 2\) should have shape \(3, 2\)"):
        env.step(SLATES[:2])


def test_a_refused_action_changes_nothing() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    with pytest.raises(WorldError, match="twice"):
        env.step(np.zeros((3, 2), dtype=np.intp))
    assert world.calls == []


def test_episodes_are_cut_each_at_its_own_time() -> None:
    """Place 1 ends at the second step, begins at the third, and is cut two steps later than the others."""
    world = FakeWorld(3, max_steps=3)
    env = env_of(world)
    found = []
    for ends in ([], [1], [], [], [], [], []):
        world.ends = list(ends)
        _, _, ended, cut, _ = env.step(SLATES)
        found.append((ended.tolist(), cut.tolist()))
    none = [False, False, False]
    others = [True, False, True]
    assert found == [
        (none, none),
        ([False, True, False], none),
        (none, others),
        (none, none),
        (none, none),
        (none, [False, True, False]),
        (none, others),
    ]


def test_who_ends_at_the_last_step_is_not_cut() -> None:
    world = FakeWorld(2, max_steps=1)
    env = env_of(world)
    world.ends = [1]
    _, _, ended, cut, _ = env.step(SLATES[:2])
    assert_array_equal(ended, [False, True])
    assert_array_equal(cut, [True, False])


def test_reset_forgets_who_was_over() -> None:
    world = FakeWorld(3, max_steps=2)
    env = env_of(world)
    world.ends = [0]
    env.step(SLATES)
    world.ends = []
    env.reset()
    _, rewards, _, cut, _ = env.step(SLATES)
    assert_array_equal(rewards, [2.0] * 3)
    assert not cut.any()


def test_delayed_feedback_is_told_by_user() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    world.later = feedback(2, 0, 2)
    told = env.step(SLATES)[4]["delayed"]
    assert told.shape == (3,)
    assert told[1] is None
    assert_array_equal(told[2].values, [0.0, 2.0])
    assert_array_equal(told[0].values, [1.0])
    assert_array_equal(told[0].users, [0])
    world.later = None
    assert "delayed" not in env.step(SLATES)[4]


def test_feedback_of_who_was_shown_nothing_is_dropped() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    world.ends = [2]
    env.step(SLATES)
    world.ends, world.later = [], feedback(2, 0, 2)
    told = env.step(SLATES)[4]["delayed"]
    assert told[2] is None
    world.ends = [2]
    env.step(SLATES)
    world.ends, world.later = [], feedback(2)
    assert "delayed" not in env.step(SLATES)[4]


def test_propensities_come_back_as_a_copy() -> None:
    env = env_of(FakeWorld(3))
    given = np.full((3, 2), 0.25)
    info = env.step(SLATES, given)[4]
    given[:] = 1.0
    assert_array_equal(info["propensities"], np.full((3, 2), 0.25))
    for wrong, message in (
        (np.full((3, 2), 0.0), r"in \(0, 1\]"),
        (np.full((3, 2), 1.1), r"in \(0, 1\]"),
        (np.full((3, 2), np.nan), r"in \(0, 1\]"),
        (np.full(3, 0.5), r"shape \(3,\) should have shape \(3, 2\)"),
    ):
        with pytest.raises(WorldError, match=message):
            env.step(SLATES, wrong)


def test_wrong_propensities_change_nothing() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    with pytest.raises(WorldError, match="propensities"):
        env.step(SLATES, np.zeros((3, 2)))
    assert world.calls == []


def test_propensities_after_an_end_may_be_anything() -> None:
    world = FakeWorld(3)
    env = env_of(world)
    world.ends = [1]
    env.step(SLATES)
    given = np.full((3, 2), 0.5)
    given[1] = np.nan
    assert_array_equal(env.step(SLATES, given)[4]["propensities"], [[0.5, 0.5], [1.0, 1.0], [0.5, 0.5]])


def test_step_needs_a_reset() -> None:
    with pytest.raises(ResetNeeded, match="reset"):
        SlateVectorEnv(FakeWorld(3)).step(SLATES)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True, [1, 2]])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(WorldError, match="must be a whole number from 0"):
        SlateVectorEnv(FakeWorld(3)).reset(seed=seed)  # type: ignore[arg-type]  # wrong on purpose


def test_reset_has_no_options() -> None:
    with pytest.raises(WorldError, match="reset has no options"):
        SlateVectorEnv(FakeWorld(3)).reset(options={"budget": 3})


def test_spaces_and_metadata() -> None:
    env = SlateVectorEnv(FakeWorld(3))
    assert env.single_action_space == SlateSpace(4, 2)
    assert env.action_space == SlateSpace(4, 2, n_users=3)
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert env.num_envs == 3


def test_gymnasiums_vector_wrappers_understand_it() -> None:
    world = FakeWorld(3, max_steps=2)
    env = DictInfoToList(RecordEpisodeStatistics(SlateVectorEnv(world)))
    env.reset(seed=1)
    world.later = feedback(1)
    env.step(SLATES)
    infos = env.step(SLATES)[4]
    assert [info["episode"]["r"] for info in infos] == [4.0] * 3
    assert [info["episode"]["l"] for info in infos] == [2] * 3
    assert_array_equal(infos[0]["click_chances"], [1.0, 1.0])
    assert infos[0]["delayed"] is None
    assert_array_equal(infos[1]["delayed"].users, [1])
