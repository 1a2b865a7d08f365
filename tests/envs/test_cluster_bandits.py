from __future__ import annotations

import numpy as np
import pytest

from envs.cluster_bandits import ClusterBandit, kl_ucb, thompson, ucb1
from envs.interest_exploration import InterestExploration
from envs.world import Floats, Reaction, Streams, WorldError
from tests.envs.tiny_world import TinyWorld

DICE = np.random.default_rng(1)
SHOWN = np.array([[10.0, 30.0]])
CLICKED = np.array([[4.0, 3.0]])


def begun(n_users: int = 1) -> tuple[InterestExploration, ClusterBandit]:
    world, bandit = InterestExploration(n_users, 4, 3), ClusterBandit(rates)
    everyone = np.ones(n_users, dtype=np.bool_)
    world.seed(Streams.spawn(1))
    world.begin(everyone)
    world.offer()
    bandit.begin(world, everyone)
    return world, bandit


def rates(shown: Floats, clicked: Floats, rng: np.random.Generator) -> Floats:
    return clicked / shown


def reaction(clicks: list[list[bool]]) -> Reaction:
    flags = np.array(clicks)
    zeros = np.zeros(len(flags))
    return Reaction(flags, flags.sum(axis=1).astype(np.float64), zeros > 0, flags * 1.0, zeros, {})


def test_ucb1_by_hand() -> None:
    """0.4 + sqrt(2 ln 40 / 10) and 0.1 + sqrt(2 ln 40 / 30)."""
    np.testing.assert_allclose(ucb1(SHOWN, CLICKED, DICE), [[1.25894, 0.59591]], atol=1e-5)


def test_kl_ucb_solves_its_equation() -> None:
    """16 bisections of [rate, 1]: within 2⁻¹⁶ of the root."""
    bound, rate = kl_ucb(SHOWN, CLICKED, DICE), CLICKED / SHOWN
    divergence = rate * np.log(rate / bound) + (1 - rate) * np.log((1 - rate) / (1 - bound))
    np.testing.assert_allclose(SHOWN * divergence, np.log(40) + 3 * np.log(np.log(40)), rtol=1e-3)
    assert (bound > rate).all()


def test_kl_ucb_bears_rates_of_0_and_1() -> None:
    """For a rate of 0 the divergence is −ln(1 − q), so q = 1 − exp(−(ln 20 + 3 ln ln 20) / 10)."""
    bound = kl_ucb(np.array([[10.0, 10.0]]), np.array([[0.0, 10.0]]), DICE)
    expected = 1 - np.exp(-(np.log(20) + 3 * np.log(np.log(20))) / 10)
    np.testing.assert_allclose(bound, [[expected, 1.0]], atol=3e-5)


def test_thompson_draws_from_the_posterior() -> None:
    """Beta(5, 7) has mean 5 / 12 and sd 0.137; of 40,000 draws the standard error is 0.0007, 5 of them are allowed."""
    draws = thompson(np.full((40_000, 1), 10.0), np.full((40_000, 1), 4.0), np.random.default_rng(2))
    assert draws.mean() == pytest.approx(5 / 12, abs=5 * 0.0007)
    assert draws.std() == pytest.approx(0.1367, rel=0.02)


def test_the_best_quality_of_the_best_topic_comes_first_then_the_next_topic() -> None:
    world, bandit = begun()
    world.topics[:] = [[1, 0, 1, 0]]
    world.quality[:] = [[1.0, 2.0, 3.0, 4.0]]
    bandit.watch(world, np.array([[0, 1, 2]]), reaction([[False, True, False]]))
    np.testing.assert_array_equal(bandit(world, DICE), [[3, 1, 2]])


def test_a_topic_never_shown_comes_first() -> None:
    world, bandit = begun()
    world.topics[:] = [[0, 0, 0, 1]]
    world.quality[:] = [[4.0, 3.0, 2.0, 1.0]]
    bandit.watch(world, np.array([[0, 1, 2]]), reaction([[True, False, False]]))
    np.testing.assert_array_equal(bandit(world, DICE), [[3, 0, 1]])


def test_a_new_user_is_unknown_and_others_stay_known() -> None:
    world, bandit = begun(2)
    world.topics[:] = [0, 0, 0, 1]
    world.quality[:] = [4.0, 3.0, 2.0, 1.0]
    slates = np.tile([0, 1, 3], (2, 1))
    bandit.watch(world, slates, reaction([[True, False, False]] * 2))
    bandit.begin(world, np.array([True, False]))
    # Of two topics never shown, the last comes first.
    np.testing.assert_array_equal(bandit(world, DICE), [[3, 0, 1], [0, 1, 2]])


def test_a_world_that_hides_topics_is_refused() -> None:
    with pytest.raises(WorldError, match="take interest-exploration"):
        ClusterBandit(ucb1).begin(TinyWorld(1, 4, 2), np.ones(1, dtype=np.bool_))
