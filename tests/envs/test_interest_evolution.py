"""Interest evolution: its equations with known dice, its distributions, its references."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from envs.choice import MultinomialLogit, PositionBased, Proportional
from envs.interest_evolution import BUDGET, CHOICES, MEAN_QUALITY, N_TOPICS, InterestEvolution
from envs.slate_space import random_slates
from envs.world import Floats, Indices, Reaction, Streams, WorldError
from tests.envs.scripted import scripted_streams

KAPPA = 0.9 / 3.4
ONE: Indices = np.array([[1, 0]])
ACTIVE = np.ones(1, dtype=np.bool_)


def scene(
    *, choices: tuple[float, ...] = (), dynamics: tuple[float, ...] = (), world: InterestEvolution | None = None
) -> InterestEvolution:
    """One user who likes topic 3 a little (0.2) and topic 17 not (−0.5); an offer of topics 3, 17, 3.

    For the slate (1, 0) the weights are 0.5, 1.2 and 2 for no click: clicks up to 0.1351, up to 0.4595, then none.
    """
    found = world or InterestEvolution(1, 3, 2)
    found.seed(scripted_streams(choices=choices, dynamics=dynamics))
    found.begin(ACTIVE)
    found.interest[0] = 0.0
    found.interest[0, 3], found.interest[0, 17] = 0.2, -0.5
    found.topics = np.array([[3, 17, 3]])
    found.quality = np.array([[-1.0, 2.0, 0.5]])
    return found


def test_chances_by_hand() -> None:
    reaction = scene(choices=(0.9,)).react(ONE, ACTIVE)
    assert_allclose(reaction.click_chances, [[0.5 / 3.7, 1.2 / 3.7]])
    assert_allclose(reaction.no_click_chance, [2 / 3.7])


@pytest.mark.parametrize(("uniform", "clicked"), [(0.13, [1, 0]), (0.14, [0, 1]), (0.45, [0, 1]), (0.47, [0, 0])])
def test_the_draw_follows_the_order_of_the_slate(uniform: float, clicked: list[int]) -> None:
    reaction = scene(choices=(uniform,), dynamics=(0.5,)).react(ONE, ACTIVE)
    assert_array_equal(reaction.clicks, [np.array(clicked, dtype=bool)])


def test_no_click_costs_half_a_unit_and_changes_nobody() -> None:
    world = scene(choices=(0.9,))
    before = world.interest.copy()
    reaction = world.react(ONE, ACTIVE)
    assert_allclose(world.budget, [199.5])
    assert_array_equal(world.interest, before)
    assert_array_equal(reaction.rewards, [0.0])
    assert_array_equal(reaction.response["watch_time"], [[0.0, 0.0]])
    assert_array_equal(reaction.ended, [False])


@pytest.mark.parametrize(("uniform", "liking"), [(0.59, 0.2 + 0.192), (0.61, 0.2 - 0.192)])
def test_a_click_moves_the_interest_of_its_topic_alone(uniform: float, liking: float) -> None:
    """δ = 0.3 (1 − 0.2) (1 − 0.2) = 0.192, up with (0.2 + 1) / 2 = 0.6."""
    world = scene(choices=(0.3,), dynamics=(uniform,))
    expected = world.interest.copy()
    expected[0, 3] = liking
    world.react(ONE, ACTIVE)
    assert_allclose(world.interest, expected)


@pytest.mark.parametrize(("uniform", "liking"), [(0.24, -0.5 + 0.225), (0.26, -0.5 - 0.225)])
def test_a_dislike_moves_too(uniform: float, liking: float) -> None:
    """δ = 0.3 (1 − 0.5) (1 + 0.5) = 0.225, up with (−0.5 + 1) / 2 = 0.25."""
    world = scene(choices=(0.1,), dynamics=(uniform,))
    world.react(ONE, ACTIVE)
    assert_allclose(world.interest[0, 17], liking)
    assert_allclose(world.interest[0, 3], 0.2)


@pytest.mark.parametrize("end", [-1.0, 1.0])
@pytest.mark.parametrize("uniform", [0.0, 0.999])
def test_the_ends_of_interest_absorb(end: float, uniform: float) -> None:
    """A choice model that clicks on anything, since weight 0 is never clicked."""
    world = scene(choices=(0.0,), dynamics=(uniform,), world=InterestEvolution(1, 3, 2, choice=MultinomialLogit()))
    world.interest[0, 17] = end
    reaction = world.react(ONE, ACTIVE)
    assert reaction.clicks[0, 0]
    assert world.interest[0, 17] == end


def test_interests_stay_in_range_without_clipping() -> None:
    liking = np.linspace(-1.0, 1.0, 200_001)
    step = 0.3 * (1.0 - np.abs(liking)) * (1.0 - liking)
    assert (np.abs(liking + step) <= 1.0).all()
    assert (np.abs(liking - step) <= 1.0).all()


@pytest.mark.parametrize(
    ("uniform", "quality"), [(0.1, 2.0), (0.3, -1.0)], ids=["the good document", "the poor document"]
)
def test_a_click_takes_four_units_less_what_quality_gives_back(uniform: float, quality: float) -> None:
    world = scene(choices=(uniform,), dynamics=(0.5,))
    reaction = world.react(ONE, ACTIVE)
    assert_allclose(world.budget, [200.0 - 4.0 + KAPPA * 4.0 * quality])
    assert_allclose(reaction.rewards, [4.0])
    assert_allclose(reaction.response["quality"], [[2.0, -1.0]])
    assert_array_equal(reaction.response["topic"], [[17, 3]])


@pytest.mark.parametrize(
    ("uniform", "left", "ended"),
    [(0.1, KAPPA * 1.5 * 2.0, False), (0.3, -KAPPA * 1.5, True), (0.9, 1.0, False)],
    ids=["good", "poor", "none"],
)
def test_no_more_is_watched_than_budget_is_left(uniform: float, left: float, ended: bool) -> None:
    """With 0 < b < 4, a document of positive quality leaves κ q b: the session goes on."""
    world = scene(choices=(uniform,), dynamics=(0.5,))
    world.budget[0] = 1.5
    reaction = world.react(ONE, ACTIVE)
    assert_allclose(world.budget, [left])
    assert_allclose(reaction.rewards, [1.5 if uniform < 0.5 else 0.0])
    assert_array_equal(reaction.ended, [ended])


@pytest.mark.parametrize(("budget", "ended"), [(0.5, True), (0.6, False)])
def test_the_session_ends_when_nothing_is_left(budget: float, ended: bool) -> None:
    world = scene(choices=(0.9,))
    world.budget[0] = budget
    assert_array_equal(world.react(ONE, ACTIVE).ended, [ended])


def test_several_clicks_are_watched_in_slot_order() -> None:
    """The second document of the same topic meets the interest and the budget that the first left."""
    always = PositionBased(Proportional(1.0, min_normalizer=-1.0), examination=(1.0,))
    world = scene(choices=(0.0, 0.0), dynamics=(0.0, 0.0), world=InterestEvolution(1, 3, 2, choice=always))
    world.interest[0, 3], world.budget[0] = 0.0, 5.0
    reaction = world.react(np.array([[2, 0]]), ACTIVE)
    left = 5.0 - 4.0 + KAPPA * 4.0 * 0.5
    assert_allclose(reaction.response["watch_time"], [[4.0, left]])
    assert_allclose(world.budget, [left - left - KAPPA * left])
    once = 0.3
    assert_allclose(world.interest[0, 3], once + 0.3 * (1.0 - once) ** 2)
    assert world.feedback(reaction, 0) == [(0, 0, "watch_time", 4.0), (0, 1, "watch_time", pytest.approx(left))]


def begun(n_users: int, *, seed: int = 4, **options: Any) -> InterestEvolution:
    world = InterestEvolution(n_users, **options)
    world.seed(Streams.spawn(seed))
    world.begin(np.ones(n_users, dtype=np.bool_))
    world.offer()
    return world


def test_users_and_documents_are_drawn_as_specified() -> None:
    """10,000 users and 100,000 documents; every mean within 4.5 standard errors (60 comparisons).

    The error of a variance of normals is variance * sqrt(2 / n); that of a uniform's is below it.
    """
    n_users = 10_000
    world = begun(n_users)
    assert (np.abs(world.interest) <= 1.0).all()
    assert (np.abs(world.interest.mean(axis=0)) < 4.5 * math.sqrt(1 / 3 / n_users)).all()
    assert (np.abs(world.interest.var(axis=0) - 1 / 3) < 4.5 / 3 * math.sqrt(2 / n_users)).all()
    assert_array_equal(world.budget, np.full(n_users, BUDGET))
    counts = np.bincount(world.topics.ravel(), minlength=N_TOPICS)
    assert (np.abs(counts - 5000) < 4.5 * math.sqrt(5000 * 0.95)).all()
    off = world.quality - MEAN_QUALITY[world.topics]
    for topic in range(N_TOPICS):
        mine = off[world.topics == topic]
        assert abs(mine.mean()) < 4.5 * 0.1 / math.sqrt(len(mine))
        assert abs(mine.var() - 0.01) < 4.5 * 0.01 * math.sqrt(2 / len(mine))


def test_mean_qualities_are_the_specified_ones() -> None:
    assert_allclose(MEAN_QUALITY[[0, 13, 14, 19]], [-3.0, 0.0, 0.0, 3.0])
    assert_allclose(MEAN_QUALITY.mean(), -0.6)
    assert_allclose(np.diff(MEAN_QUALITY)[[0, 15]], [3 / 13, 0.6])


def test_streams_are_independent() -> None:
    """A generator of one kind replaced: the other kinds go on as they would have."""
    seen = []
    for swapped in (None, "users", "documents", "dynamics"):
        parts = Streams.spawn(4)
        other = np.random.default_rng(99)
        kinds = {kind: getattr(parts, kind) for kind in ("users", "documents", "choices", "dynamics")}
        world = InterestEvolution(50)
        world.seed(Streams(**(kinds | ({swapped: other} if swapped else {}))))
        world.begin(np.ones(50, dtype=np.bool_))
        world.offer()
        start = world.interest.copy()
        world.react(random_slates(np.random.default_rng(1), (50, 10, 2)), np.ones(50, dtype=np.bool_))
        world.offer()
        seen.append((start, world.topics, world.interest.copy()))
    plain, users, documents, dynamics = seen
    assert_array_equal(users[1], plain[1])
    assert_array_equal(documents[0], plain[0])
    assert_array_equal(dynamics[0], plain[0])
    assert_array_equal(dynamics[1], plain[1])
    assert not np.array_equal(users[0], plain[0])
    assert not np.array_equal(documents[1], plain[1])
    assert not np.array_equal(dynamics[2], plain[2])


def test_documents_are_observed_as_one_hots_without_quality() -> None:
    world = begun(3)
    user, items = world.observe()
    assert_array_equal(items.argmax(axis=2), world.topics)
    assert_array_equal(items.sum(axis=2), np.ones((3, 10)))
    assert_allclose(user, world.interest, rtol=1e-6)


def test_a_visible_budget_is_a_fraction() -> None:
    world = begun(3, visible_budget=True)
    world.budget[:] = [200.0, 50.0, -1.0]
    user, _ = world.observe()
    assert user.shape == (3, N_TOPICS + 1)
    assert_allclose(user[:, -1], [1.0, 0.25, 0.0])
    assert world.describe(1).context["budget"] == 0.25
    assert "budget" not in begun(1).describe(0).context


def test_description_by_hand() -> None:
    world = scene()
    offer = world.describe(0)
    assert list(offer.actions) == ["t3-0", "t17-0", "t3-1"]
    assert offer.actions["t3-1"] == {"topic": "t3"}
    assert offer.context["interest"]["t3"] == 0.2
    assert len(offer.context["interest"]) == N_TOPICS
    assert (offer.user, offer.session) == ("u0", "u0-1")
    assert "quality" not in json.dumps(offer)


def test_myopic_shows_what_is_liked_best() -> None:
    world = scene()
    world.interest[0, 17] = 0.9
    assert_array_equal(world.myopic(), [[1, 0]])


def test_the_reference_prefers_quality_when_budget_is_dear() -> None:
    world = scene(world=InterestEvolution(1, 3, 1, budget_price=1.4))
    assert_array_equal(world.informed(), [[1]])
    world = scene(world=InterestEvolution(1, 3, 1, budget_price=0.0))
    assert_array_equal(world.informed(), [[0]])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"choice": "best"}, "choice='best' doesn't exist; there are multinomial-proportional"),
        ({"choice": 3}, "choice=3 doesn't exist"),
        ({"visible_budget": "yes"}, "visible_budget='yes' must be true or false"),
        ({"budget_price": -1.0}, "budget_price=-1.0 must be a number in"),
    ],
)
def test_wrong_options_are_named(option: dict[str, Any], message: str) -> None:
    with pytest.raises(WorldError, match=message):
        begun(1, **option)


@pytest.mark.parametrize("choice", list(CHOICES))
def test_the_reference_beats_random_under_every_choice_model(choice: str) -> None:
    """60 sessions each; the means are tens of standard errors apart."""
    dice = np.random.default_rng(1)
    world = begun(60, choice=choice, budget_price=1.4)
    at_random = play(world, lambda: random_slates(dice, (60, 10, 2)))[0]
    world = begun(60, choice=choice, budget_price=1.4)
    assert play(world, world.informed)[0].mean() > 1.15 * at_random.mean()


def play(world: InterestEvolution, choose: Callable[[], Indices]) -> tuple[Floats, Floats, Floats]:
    """Return, length and clicks of one session in each place."""
    active = np.ones(world.n_users, dtype=np.bool_)
    returns, lengths, clicks = (np.zeros(world.n_users) for _ in range(3))
    while active.any():
        reaction: Reaction = world.react(choose(), active)
        returns += reaction.rewards * active
        lengths += active
        clicks += reaction.clicks.any(axis=1) * active
        active = active & ~reaction.ended
        world.offer()
    return returns, lengths, clicks


@pytest.mark.parametrize(
    ("policy", "value", "error", "length", "click_rate"),
    [
        ("random", 154.12, 0.25, 83.5, 0.467),
        ("myopic", 165.82, 0.57, 66.6, 0.630),
        ("ratio", 298.79, 1.89, 184.0, 0.414),
    ],
)
def test_known_returns(policy: str, value: float, error: float, length: float, click_rate: float) -> None:
    """800 sessions against the parity table (mean and its error): within 4 combined standard errors.

    Lengths and click rates have no error in the table, but come from at least 1,000 sessions of the same spread, so the
    combined error is ours times sqrt(1.8); they are rounded, so half a unit of the last digit is allowed on top.
    """
    n_users = 800
    world = begun(n_users, budget_price=1.46)
    dice = np.random.default_rng(6)
    choosers: dict[str, Callable[[], Indices]] = {
        "random": lambda: random_slates(dice, (n_users, 10, 2)),
        "myopic": world.myopic,
        "ratio": world.informed,
    }
    returns, lengths, clicks = play(world, choosers[policy])
    assert abs(returns.mean() - value) < 4.0 * math.hypot(returns.std() / math.sqrt(n_users), error)
    assert abs(lengths.mean() - length) < 4.0 * lengths.std() / math.sqrt(n_users) * math.sqrt(1.8) + 0.5
    rates = clicks / lengths
    assert (
        abs(clicks.sum() / lengths.sum() - click_rate) < 4.0 * rates.std() / math.sqrt(n_users) * math.sqrt(1.8) + 5e-4
    )


def test_the_price_is_solved_near_the_known_one() -> None:
    """Price * 200 is the return, so the price is known to 4 standard errors of 200 sessions (SD 60) and their bias."""
    world = begun(1)
    world.informed()
    assert world.budget_price is not None
    assert abs(world.budget_price - 298.79 / 200.0) < 4.0 * 60.0 / math.sqrt(200) / 200.0
