from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from envs.episodes import run_episodes
from envs.long_term_satisfaction import (
    LongTermSatisfaction,
    engagement,
    expected_engagement,
    next_exposure,
    satisfaction,
)
from envs.references import choosers, random
from envs.world import Floats, Streams, WorldError

EVERYONE = np.ones(3, dtype=np.bool_)


def begun(world: LongTermSatisfaction, seed: int = 5) -> LongTermSatisfaction:
    world.seed(Streams.spawn(seed))
    world.begin(np.ones(world.n_users, dtype=np.bool_))
    world.offer()
    return world


def floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def test_satisfaction_by_hand() -> None:
    assert satisfaction(floats(0.0), 0.3) == 0.5
    assert satisfaction(floats(1.0), 0.3) == pytest.approx(0.574442516811659)
    assert satisfaction(floats(-1.0), 0.3) == pytest.approx(1 - 0.574442516811659)


def test_engagement_by_hand() -> None:
    """Clickbait 0.25 is 0.25 · 5 + 0.75 · 4 = 4.25 of mean, halved by satisfaction, and the noise adds up in logs."""
    assert engagement(floats(0.25), floats(0.5), floats(0.0)) == pytest.approx(np.exp(2.125))
    assert engagement(floats(0.25), floats(0.5), floats(-1.5)) == pytest.approx(np.exp(0.625))
    assert engagement(floats(1.0), floats(0.2), floats(1.0)) == pytest.approx(np.exp(2.0))


def test_exposure_by_hand() -> None:
    """0.7 · 2 − 2 · (0.9 − 0.5) + 0.05 · 3 = 0.75; clickbait takes exposure away, substance adds to it."""
    assert next_exposure(floats(2.0), floats(0.9), floats(3.0)) == pytest.approx(0.75)
    assert next_exposure(floats(0.0), floats(0.0), floats(0.0)) == 1.0
    assert next_exposure(floats(0.0), floats(1.0), floats(0.0)) == -1.0


def test_expected_engagement_is_the_mean_over_the_noise() -> None:
    """400,000 draws of a log-normal: relative standard error sqrt((e − 1) / n) = 0.0021, and 5 of them are allowed."""
    noise = np.random.default_rng(1).standard_normal(400_000)
    mean = engagement(floats(0.3), floats(0.6), noise).mean()
    assert expected_engagement(floats(0.3), floats(0.6)) == pytest.approx(mean, rel=5 * 0.0021)


def test_a_step_is_the_equations_with_the_worlds_own_dice() -> None:
    """Generators of the same seed say which noise the world was given."""
    world, twin = begun(LongTermSatisfaction(3, 4, 2, sensitivity=0.3), seed=9), Streams.spawn(9)
    exposure = (twin.users.random(3) - 0.5) / 0.3
    clickbait = twin.documents.random((3, 4))
    np.testing.assert_allclose(world.exposure, exposure)
    np.testing.assert_array_equal(world.clickbait, clickbait)
    reaction = world.react(np.array([[3, 0], [1, 2], [0, 1]]), EVERYONE)
    taken = clickbait[[0, 1, 2], [3, 1, 0]]
    expected = engagement(taken, satisfaction(exposure, 0.3), twin.choices.standard_normal(3))
    np.testing.assert_allclose(reaction.rewards, expected)
    moved = 0.7 * exposure - 2 * (taken - 0.5) + 0.05 * twin.dynamics.standard_normal(3)
    np.testing.assert_allclose(world.exposure, moved)


def test_slot_0_is_always_taken_and_only_it() -> None:
    reaction = begun(LongTermSatisfaction(3, 4, 2)).react(np.array([[3, 0], [1, 2], [0, 1]]), EVERYONE)
    np.testing.assert_array_equal(reaction.clicks, [[True, False]] * 3)
    np.testing.assert_array_equal(reaction.click_chances, [[1.0, 0.0]] * 3)
    assert not reaction.no_click_chance.any()
    assert not reaction.response["engagement"][:, 1].any()


def test_exposure_begins_between_its_bounds() -> None:
    exposure = begun(LongTermSatisfaction(2000, 2, 1)).exposure
    assert np.abs(exposure).max() <= 5 / 3
    assert np.abs(exposure).max() > 1.6


def test_an_episode_ends_by_itself_after_60_steps() -> None:
    world = begun(LongTermSatisfaction(3, 4, 1))
    assert world.max_steps is None
    ends = []
    for _ in range(60):
        ends.append(world.react(np.zeros((3, 1), dtype=np.intp), EVERYONE).ended.copy())
        world.offer()
    assert not np.array(ends[:-1]).any()
    assert ends[-1].all()


def test_observed_engagement_is_cut_but_the_reward_is_not() -> None:
    world = begun(LongTermSatisfaction(5000, 2, 1))
    reaction = world.react(np.zeros((5000, 1), dtype=np.intp), np.ones(5000, dtype=np.bool_))
    assert reaction.rewards.max() > 100.0
    np.testing.assert_array_equal(reaction.response["engagement"][:, 0], np.minimum(reaction.rewards, 100.0))


def test_few_rewards_are_beyond_the_range() -> None:
    """ln engagement is Normal(m, 1), m about 2 to 2.5 for satisfaction 0.5; P(> ln 100 = 4.6) is at most 1.8 %."""
    world = begun(LongTermSatisfaction(20_000, 1, 1))
    rewards = world.react(np.zeros((20_000, 1), dtype=np.intp), np.ones(20_000, dtype=np.bool_)).rewards
    assert 0.005 < (rewards > world.reward_range[1]).mean() < 0.018
    assert rewards.min() > world.reward_range[0]


def test_a_description_tells_clickbait_under_ids_of_a_finite_vocabulary() -> None:
    world = begun(LongTermSatisfaction(3, 4, 1))
    world.clickbait[1] = [0.31, 0.999, 0.35, 0.0]
    offer = world.describe(1)
    assert list(offer.actions) == ["band3-0", "band9-0", "band3-1", "band0-0"]
    assert offer.actions["band3-1"] == {"clickbait": 0.35}
    assert offer.context == {}


@pytest.mark.parametrize("sensitivity", [-0.1, float("nan"), float("inf")])
def test_a_sensitivity_that_cant_be_is_refused(sensitivity: float) -> None:
    with pytest.raises(WorldError, match="sensitivity"):
        LongTermSatisfaction(1, sensitivity=sensitivity)


def test_myopic_takes_the_most_clickbait() -> None:
    world = begun(LongTermSatisfaction(3, 6, 2))
    np.testing.assert_array_equal(world.myopic()[:, 0], world.clickbait.argmax(axis=1))


def test_informed_turns_to_clickbait_when_the_end_is_near() -> None:
    """With sensitivity 0.3 substance pays for most of the episode; in the last step nothing comes after."""
    world = begun(LongTermSatisfaction(200, 6, 1, sensitivity=0.3))
    np.testing.assert_array_equal(world.informed()[:, 0], world.clickbait.argmin(axis=1))
    world.steps_left[:] = 1
    np.testing.assert_array_equal(world.informed()[:, 0], world.clickbait.argmax(axis=1))


@pytest.mark.parametrize(("sensitivity", "better"), [(0.01, "most_clickbait"), (0.3, "least_clickbait")])
def test_informed_reaches_at_least_the_better_constant_policy(sensitivity: float, better: str) -> None:
    """1,000 episodes each with the same users; 3 standard errors of the difference are allowed."""
    known = choosers("long-term-satisfaction")
    reached = {
        name: run_episodes(
            LongTermSatisfaction(1000, sensitivity=sensitivity), known[name], n_episodes=1000, seed=4
        ).estimate("return")
        for name in ("informed", "most_clickbait", "least_clickbait")
    }
    worse = ({"most_clickbait", "least_clickbait"} - {better}).pop()
    assert reached[better].mean > reached[worse].mean + 100
    allowed = 3 * np.hypot(reached["informed"].se, reached[better].se)
    assert reached["informed"].mean >= reached[better].mean - allowed


def test_the_harder_preset_makes_greed_the_worst_choice() -> None:
    """About 480 against 988 and 1,642 of random and least clickbait, with standard errors below 10."""
    known = choosers("long-term-satisfaction")
    greedy, any_slate, patient = (
        run_episodes(LongTermSatisfaction(500, sensitivity=0.3), chooser, n_episodes=500, seed=2)
        .estimate("return")
        .mean
        for chooser in (known["myopic"], random, known["informed"])
    )
    assert greedy < 0.6 * any_slate < 0.6 * 0.7 * patient
