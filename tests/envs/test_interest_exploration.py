from __future__ import annotations

import numpy as np
import pytest

from envs.episodes import run_episodes
from envs.interest_exploration import InterestExploration, Population, parity, unequal
from envs.references import choosers
from envs.slate_env import SlateVectorEnv
from envs.world import Streams, WorldError


def begun(world: InterestExploration, seed: int = 5) -> InterestExploration:
    world.seed(Streams.spawn(seed))
    world.begin(np.ones(world.n_users, dtype=np.bool_))
    world.offer()
    return world


def test_click_chances_by_hand() -> None:
    """Scores 1.5 + 2.5 = 4 and 0.5 + 1.5 = 2: weights e⁴, e², and e⁵ for no click."""
    world = begun(InterestExploration(1, 3, 2))
    world.affinities[:] = [[0.5, 1.5]]
    world.topics[:] = [[0, 1, 1]]
    world.quality[:] = [[1.5, 9.0, 2.5]]
    reaction = world.react(np.array([[2, 0]]), np.ones(1, dtype=np.bool_))
    weights = np.exp([4.0, 2.0, 5.0])
    np.testing.assert_allclose(reaction.click_chances[0], weights[:2] / weights.sum())
    assert reaction.no_click_chance[0] == pytest.approx(weights[2] / weights.sum())
    np.testing.assert_array_equal(reaction.response["quality"], [[2.5, 1.5]])
    np.testing.assert_array_equal(reaction.response["topic"], [[1.0, 0.0]])


def test_a_step_is_the_equations_with_the_worlds_own_dice() -> None:
    """Generators of the same seed say who comes, what is offered and where the one uniform number falls."""
    world, twin = begun(InterestExploration(400, 5, 2), seed=9), Streams.spawn(9)
    types = twin.users.choice(2, 400, p=[0.3, 0.7])
    np.testing.assert_array_equal(world.types, types)
    means = np.array([[0.1, 0.7], [0.7, 0.1]])[types]
    np.testing.assert_allclose(world.affinities, twin.users.lognormal(means, 0.1))
    topics = twin.documents.choice(2, (400, 5), p=[0.2, 0.8])
    np.testing.assert_array_equal(world.topics, topics)
    np.testing.assert_allclose(world.quality, twin.documents.lognormal(np.array([0.8, 0.2])[topics], 0.1))
    before = world.affinities.copy()
    reaction = world.react(np.tile([3, 1], (400, 1)), np.ones(400, dtype=np.bool_))
    falls, chances = twin.choices.random((400, 1))[:, 0], reaction.click_chances
    np.testing.assert_array_equal(reaction.clicks[:, 0], falls < chances[:, 0])
    np.testing.assert_array_equal(reaction.clicks[:, 1], (falls >= chances[:, 0]) & (falls < chances.sum(axis=1)))
    np.testing.assert_array_equal(reaction.rewards, reaction.clicks.sum(axis=1))
    np.testing.assert_array_equal(world.affinities, before)
    assert not reaction.ended.any()


def test_an_episode_is_cut_after_100_steps() -> None:
    env = SlateVectorEnv(InterestExploration(2, 4, 2))
    env.reset(seed=1)
    for number in range(100):
        *_, ended, cut, _ = env.step(np.array([[0, 1], [2, 3]]))
        assert not ended.any()
        assert cut.all() == cut.any() == (number == 99)


@pytest.mark.parametrize("is_harder", [False, True])
def test_types_and_topics_are_as_frequent_as_they_should_be(is_harder: bool) -> None:
    """20,000 users and 100,000 items; shares are binomial, and 4.5 standard errors are allowed."""
    world = begun(InterestExploration(20_000, 5, 1, harder=is_harder))
    population = world.population
    for found, expected in ((world.types, population.type_chances), (world.topics, population.topic_chances)):
        shares = np.bincount(found.ravel(), minlength=len(expected)) / found.size
        errors = np.sqrt(expected * (1 - expected) / found.size)
        assert (np.abs(shares - expected) < 4.5 * errors).all()


@pytest.mark.parametrize("population", [parity(), unequal(), unequal(3)])
def test_a_population_is_whole(population: Population) -> None:
    n_types, n_topics = population.affinity_means.shape
    assert population.type_chances.shape == (n_types,)
    assert population.topic_chances.shape == population.quality_means.shape == (n_topics,)
    assert population.type_chances.sum() == pytest.approx(1.0)
    assert population.topic_chances.sum() == pytest.approx(1.0)


def test_the_unequal_population_is_as_described() -> None:
    population = unequal()
    np.testing.assert_allclose(population.type_chances[1:] / population.type_chances[:-1], 0.8)
    np.testing.assert_allclose(population.affinity_means[0], [1.3, 0.9, *[-1.0] * 6])
    np.testing.assert_allclose(population.affinity_means[7], [0.9, *[-1.0] * 6, 1.3])
    assert population.quality_means[0] == 0.6
    assert population.quality_means[-1] == 0.25


def test_what_is_observed_is_quality_and_topic_and_nothing_of_the_user() -> None:
    world = begun(InterestExploration(3, 4, 2, harder=True))
    user, items = world.observe()
    assert user.shape == (3, 0)
    np.testing.assert_allclose(items[:, :, 0], world.quality, rtol=1e-6)
    np.testing.assert_array_equal(items[:, :, 1:].argmax(axis=2), world.topics)
    np.testing.assert_array_equal(items[:, :, 1:].sum(axis=2), 1.0)


def test_a_description_tells_topic_and_quality_under_ids_of_a_finite_vocabulary() -> None:
    world = begun(InterestExploration(2, 3, 2))
    world.topics[1] = [1, 0, 1]
    world.quality[1] = [1.25, 2.0, 1.5]
    offer = world.describe(1)
    assert offer.actions == {
        "topic1-0": {"topic": "topic1", "quality": 1.25},
        "topic0-0": {"topic": "topic0", "quality": 2.0},
        "topic1-1": {"topic": "topic1", "quality": 1.5},
    }
    assert offer.context == {}


def test_references_know_what_they_should() -> None:
    """Two users of one offer: the one who likes topic 0 and the one who likes topic 1; qualities are equal."""
    world = begun(InterestExploration(2, 3, 1))
    world.affinities[:] = [[2.0, 1.0], [1.0, 2.0]]
    world.topics[:] = [1, 0, 1]
    world.quality[:] = 1.0
    np.testing.assert_array_equal(world.myopic(), [[1], [1]])
    np.testing.assert_array_equal(world.informed(), [[1], [0]])


def test_the_harder_preset_really_needs_exploration() -> None:
    """About 34.5, 47.8 and 59 clicks of 100; standard errors of 500 episodes are below 1."""
    reached = {
        name: run_episodes(InterestExploration(500, harder=True), chooser, n_episodes=500, seed=3)
        .estimate("return")
        .mean
        for name, chooser in choosers("interest-exploration").items()
        if name in ("myopic", "thompson", "informed")
    }
    assert reached["myopic"] < 0.65 * reached["informed"]
    assert reached["myopic"] + 8 < reached["thompson"] < 0.9 * reached["informed"]


def test_options_that_cant_be_are_refused() -> None:
    with pytest.raises(WorldError, match=r"max_steps=0 must be a whole number in \[1, inf\)"):
        InterestExploration(1, max_steps=0)
    with pytest.raises(WorldError, match="harder='yes' must be true or false"):
        InterestExploration(1, harder="yes")  # type: ignore[arg-type]  # that is what is tested
