from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from envs import streaming_titles, streaming_viewers
from envs.episodes import run_episodes
from envs.presets import make_world
from envs.references import random
from envs.streaming import Streaming, StreamingSettings
from envs.streaming_titles import GENRES
from envs.streaming_viewers import AGES, DAYPARTS, DEVICES, Viewers
from envs.streaming_watching import (
    NO_PICK,
    Facts,
    best_slates,
    fit,
    leave_chance,
    prospects,
    return_chance,
    watched,
)
from envs.world import Flags, Floats, Reaction, Streams, WorldError
from tests.envs.scripted import scripted_streams

ONE: Flags = np.ones(1, dtype=np.bool_)
SLATE = np.array([[0, 1, 2]])
NEVER, SURELY = 0.999999, 0.0
"""Draws that make what has a chance not happen, or happen."""


def floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def sigma(x: float) -> float:
    return float(1.0 / (1.0 + np.exp(-x)))


def begun(n_users: int = 1, *, seed: int = 1, **settings: Any) -> Streaming:
    world = Streaming(n_users, settings=StreamingSettings(**settings))
    world.seed(Streams.spawn(seed))
    world.begin(np.ones(n_users, dtype=np.bool_))
    world.offer()
    return world


def scripted(*, picks: float, length: float, leaves: float, returns: float) -> Streaming:
    """One viewer who meets one slate with known dice."""
    world = Streaming()
    world.seed(scripted_streams(choices=(picks, length), dynamics=(leaves, returns, 0.5)))
    world.begin(ONE)
    world.offer()
    return world


def drive(world: Streaming, n_steps: int) -> Reaction:
    slates, everyone = np.tile(SLATE, (world.n_users, 1)), np.ones(world.n_users, dtype=np.bool_)
    for _ in range(n_steps):
        reaction = world.react(slates, everyone)
        world.begin(reaction.ended)
        world.offer()
    return reaction


def facts(**known: float) -> Facts:
    return Facts(**{name: floats([[known.get(name, 0.0)]]) for name in Facts._fields})


def test_what_a_title_promises_by_hand() -> None:
    """Liking 1, appeal 2, teaser 0.5 over its mean, fatigue 0.4, freshness 0.25, a fit of −1, 40 minutes."""
    found = prospects(facts(liking=1.0, appeal=2.0, teaser=0.5, fatigue=0.4, fresh=0.25, fit=-1.0, length_min=40.0))
    assert found.logits.item() == pytest.approx(1.2 + 2.1 + 1.0 - 0.36 + 0.2 - 0.5)
    assert found.minutes.item() == pytest.approx(40.0 * sigma(-0.2 + 0.65 + 0.64 + 0.7 - 0.2))
    assert found.gains.item() == pytest.approx(np.tanh(-0.42 + 0.4 + 0.44 - 1.3 - 0.1))


def test_short_titles_fit_phones_and_long_ones_screens() -> None:
    found = fit(floats([[25.0, 40.0, 60.0]] * 2), np.array([DEVICES.index("phone"), DEVICES.index("tv")]))
    np.testing.assert_allclose(found, [[1.0, 1 - 15 / 17.5, -1.0], [-1.0, 1 - 20 / 17.5, 1.0]])


def test_a_watch_lies_evenly_around_its_expectation() -> None:
    expected, length, draws = floats([10.0, 10.0, 10.0, 50.0]), floats([60.0] * 4), floats([0.0, 0.5, 0.75, 0.0])
    np.testing.assert_allclose(watched(expected, length, draws), [2.0, 10.0, 14.0, 42.0])


def test_ends_of_sessions_and_lives_by_hand() -> None:
    satisfaction = floats([0.0, 0.2])
    np.testing.assert_allclose(leave_chance(satisfaction), [sigma(-2.2), sigma(-2.5)])
    np.testing.assert_allclose(return_chance(satisfaction), [sigma(1.2), sigma(2.2)])


@pytest.mark.parametrize("nothing", [0.0, -20.0, 40.0])
def test_the_best_slates_are_the_best_of_all_slates(nothing: float) -> None:
    """Against all 120 ordered slates of six candidates, for 50 random viewers, some values below that of nothing."""
    dice = np.random.default_rng(3)
    logits, values = dice.normal(NO_PICK, 1.5, (50, 6)), dice.normal(10.0, 20.0, (50, 6))
    slot_logits = floats([0.0, -0.4, -0.8])

    def worth(user: int, slate: tuple[int, ...]) -> float:
        weights = np.exp(logits[user, list(slate)] + slot_logits - NO_PICK)
        return float((nothing + weights @ values[user, list(slate)]) / (1.0 + weights.sum()))

    for user, slate in enumerate(best_slates(logits, values, slot_logits, nothing=nothing).tolist()):
        best = max(worth(user, other) for other in permutations(range(6), 3))
        assert worth(user, tuple(slate)) == pytest.approx(best, abs=1e-9)


def test_myopic_has_the_most_minutes_of_all_slates() -> None:
    world = begun(20, position_bias=0.5)
    truth, slots = world.prospects(), np.exp(-0.5 * np.arange(3))

    def minutes(user: int, slate: list[int]) -> float:
        weights = np.exp(truth.logits[user, slate] - NO_PICK) * slots
        return float(weights @ truth.minutes[user, slate] / (1.0 + weights.sum()))

    for user, slate in enumerate(world.myopic().tolist()):
        best = max(minutes(user, list(other)) for other in permutations(range(10), 3))
        assert minutes(user, slate) == pytest.approx(best, abs=1e-9)


def test_a_step_with_a_pick() -> None:
    """The first slot is drawn, the watch is the expected one, and the session goes on."""
    world = scripted(picks=SURELY, length=0.5, leaves=NEVER, returns=NEVER)
    viewers = world.viewers
    viewers.satisfaction[:], viewers.fatigue[:], viewers.budget_min[:] = 0.5, 1.0, 100.0
    world.offer()
    genre = GENRES.index(next(iter(world.describe(0).actions.values()))["genre"])
    truth = world.prospects()
    weights = np.exp(truth.logits[0, :3] - [0.0, 0.2, 0.4])
    reaction = world.react(SLATE, ONE)
    minutes = truth.minutes[0, 0]
    np.testing.assert_allclose(reaction.click_chances[0], weights / (weights.sum() + np.exp(3.4)))
    assert reaction.no_click_chance[0] == pytest.approx(np.exp(3.4) / (weights.sum() + np.exp(3.4)))
    assert reaction.clicks.tolist() == [[True, False, False]]
    np.testing.assert_allclose(reaction.response["watch_min"], [[minutes, 0.0, 0.0]])
    assert reaction.rewards[0] == pytest.approx(minutes / 60.0)
    assert world.feedback(reaction, 0) == [(0, 0, "watch_min", reaction.response["watch_min"][0, 0])]
    assert viewers.satisfaction[0] == pytest.approx(0.5 + 0.12 * (truth.gains[0, 0] - 0.5))
    np.testing.assert_allclose(viewers.fatigue[0], np.where(np.arange(len(GENRES)) == genre, 1.7, 0.9))
    assert viewers.budget_min[0] == pytest.approx(100.0 - minutes)
    assert world.describe(0).context["session"] == {
        "watched": {GENRES[genre]: 1},
        "slates": 1,
        "minutes": pytest.approx(minutes, abs=0.05),
        "number": 1,
    }


def test_a_step_without_a_pick() -> None:
    world = scripted(picks=NEVER, length=0.5, leaves=NEVER, returns=NEVER)
    viewers = world.viewers
    viewers.satisfaction[:], viewers.fatigue[:], viewers.budget_min[:] = 0.5, 1.0, 100.0
    reaction = world.react(SLATE, ONE)
    assert not reaction.clicks.any()
    assert reaction.rewards[0] == 0.0
    assert world.feedback(reaction, 0) == []
    assert viewers.satisfaction[0] == pytest.approx(0.5 + 0.12 * (-0.25 - 0.5))
    np.testing.assert_allclose(viewers.fatigue, 0.9)
    assert viewers.budget_min[0] == 96.0
    assert world.describe(0).context["session"] == {"watched": {}, "slates": 1, "minutes": 0.0, "number": 1}


def test_who_comes_back_has_a_new_session_and_some_fatigue_left() -> None:
    world = scripted(picks=SURELY, length=0.5, leaves=SURELY, returns=SURELY)
    before = world.describe(0)
    world.viewers.fatigue[:] = 1.0
    reaction = world.react(SLATE, ONE)
    world.offer()
    after = world.describe(0)
    assert not reaction.ended[0]
    assert (after.user, before.session, after.session) == (before.user, "u0-1", "u0-2")
    assert after.context["session"] == {"watched": {}, "slates": 0, "minutes": 0.0, "number": 2}
    assert after.context["favourites"] == before.context["favourites"]
    np.testing.assert_allclose(np.sort(world.viewers.fatigue[0])[:-1], 0.36)


@pytest.mark.parametrize(("budget", "leaves", "returns", "lost"), [(1.0, 0.99, 0.99, True), (900.0, 0.99, 0.99, False)])
def test_a_session_ends_when_its_time_is_up(budget: float, leaves: float, returns: float, lost: bool) -> None:
    world = scripted(picks=SURELY, length=0.5, leaves=leaves, returns=returns)
    world.viewers.budget_min[:] = budget
    assert world.react(SLATE, ONE).ended[0] == lost


def test_only_who_is_not_content_is_lost_by_the_same_draw() -> None:
    for satisfaction, lost in ((-0.3, True), (0.3, False)):
        world = scripted(picks=NEVER, length=0.5, leaves=SURELY, returns=0.6)
        world.viewers.satisfaction[:] = satisfaction
        assert world.react(SLATE, ONE).ended[0] == lost


def test_each_day_new_titles_replace_the_oldest() -> None:
    world = begun(requests_per_day=10.0, churn=3, pool=30)
    before = set(world.titles.shelves.serials.tolist())
    drive(world, 9)
    assert set(world.titles.shelves.serials.tolist()) == before
    drive(world, 1)
    assert set(world.titles.shelves.serials.tolist()) == (before - {0, 1, 2}) | {30, 31, 32}
    ages = world.titles.age_days(24.0)
    assert sorted(ages.tolist())[:6] == [0.0, 0.0, 0.0, 2.0, 2.0, 2.0]
    np.testing.assert_allclose(world.titles.freshness(24.0), np.exp(-ages / 4.0))


def test_without_churn_and_drift_the_catalogue_only_ages() -> None:
    world = begun(requests_per_day=5.0, churn=0, drift=0.0)
    before = world.titles.shelves.serials.copy(), world.titles.appeal.copy()
    drive(world, 25)
    np.testing.assert_array_equal(world.titles.shelves.serials, before[0])
    np.testing.assert_array_equal(world.titles.appeal, before[1])
    assert not world.fashion.any()


def test_fashion_moves_once_a_day() -> None:
    world = Streaming(settings=StreamingSettings(requests_per_day=2.0, drift=0.6))
    world.seed(scripted_streams(choices=(NEVER, 0.5) * 4, dynamics=(NEVER, NEVER) * 4))
    drawn = np.random.Generator(np.random.PCG64(0)).normal(scale=0.6, size=(2, len(GENRES)))
    world.begin(ONE)
    world.offer()
    for expected in (np.zeros(len(GENRES)), drawn[0], drawn[0], 0.8 * drawn[0] + drawn[1]):
        drive(world, 1)
        np.testing.assert_allclose(world.fashion, expected)


def test_position_bias_is_all_that_tells_slots_apart() -> None:
    for bias, share in ((0.0, 1.0), (1.0, np.exp(-1.0))):
        odds = []
        for slate in ([0, 1, 2], [1, 0, 2]):
            reaction = begun(position_bias=bias).react(np.array([slate]), ONE)
            odds.append(reaction.click_chances[0, slate.index(0)] / reaction.no_click_chance[0])
        assert odds[1] / odds[0] == pytest.approx(share)


def test_vectors_and_json_tell_the_same() -> None:
    world = begun(6)
    drive(world, 7)
    users, items = world.observe()
    assert users.shape == (6, streaming_viewers.N_FEATURES)
    assert items.shape == (6, 10, streaming_titles.N_FEATURES)
    n_genres = len(GENRES)
    for place in range(6):
        context, actions = world.describe(place).context, list(world.describe(place).actions.values())
        session = context["session"]
        expected = [float(name == context["age"]) for name in AGES]
        expected += [float(name == context["device"]) for name in DEVICES]
        expected += [float(name == context["daypart"]) for name in DAYPARTS]
        expected += [float(genre in context["favourites"]) for genre in GENRES]
        expected += [min(session["watched"].get(genre, 0) / 5, 1.0) for genre in GENRES]
        expected += [session["slates"] / 10, min(session["minutes"] / 300, 1.0), session["number"] / 20]
        np.testing.assert_allclose(users[place], np.minimum(expected, 1.0), atol=1e-6)
        for row, features in zip(items[place], actions, strict=True):
            assert GENRES[int(row[:n_genres].argmax())] == features["genre"]
            numbers = [features["length_min"] / 60, features["teaser"], (features["rating"] - 1) / 4]
            age = features["age_days"]
            numbers += [np.exp(-age / 4), age / 60, float(features["is_new"])]
            np.testing.assert_allclose(row[n_genres:], numbers, atol=1e-6)


def test_profiles_tell_much_of_taste_but_not_all() -> None:
    """20,000 viewers: a share's standard error is at most 0.0036, a mean's (spread 1.4) 0.01."""
    viewers = Viewers(20_000)
    viewers.begin(np.ones(20_000, dtype=np.bool_), np.random.default_rng(2))
    residual = viewers.likes - streaming_viewers.AGE_TASTE[viewers.age]
    is_favourite = residual > 1.2
    told = viewers.told > 0
    assert is_favourite.sum(axis=1).mean() == pytest.approx(2.0, abs=0.02)
    named = (told & is_favourite).sum(axis=1).mean() / 2
    assert named == pytest.approx(0.85 + 0.15 * 0.25, abs=0.02)
    assert residual[~is_favourite].std() == pytest.approx(0.4, abs=0.01)
    assert viewers.likes[told].mean() > viewers.likes[~told].mean() + 1.5


def test_who_looks_ahead_is_well_ahead() -> None:
    """800 lives each, whose standard deviation is about their mean: a standard error of 3.5 %, 5 % of a ratio.

    The true ratios (1.4 or more at each step) are beyond what is asked by 4 standard errors. ``popular`` knows
    what everyone likes and looks at no viewer, as item rates do.
    """

    def popular(world: Any, dice: np.random.Generator) -> Any:
        titles = world.titles
        pull = 1.05 * titles.appeal + 2.0 * titles.teaser
        return np.argsort(-pull[world._offered], axis=1)[:, : world.n_slots]

    world = Streaming(200)
    choosers = [random, popular, lambda world, dice: world.myopic(), lambda world, dice: world.informed()]
    chance, famous, myopic, informed = (
        run_episodes(world, chooser, n_episodes=800, seed=4).estimate("kpi").mean for chooser in choosers
    )
    assert famous > 1.15 * chance
    assert myopic > 1.15 * famous
    assert informed > 1.15 * myopic


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"churn": -1}, "churn=-1 must be a whole number in"),
        ({"churn": 2.5}, "churn=2.5 must be a whole number"),
        ({"drift": -0.1}, "drift=-0.1 must be a number in"),
        ({"position_bias": float("nan")}, "position_bias=nan must be a number in"),
        ({"max_steps": 0}, "max_steps=0 must be a whole number in"),
        ({"requests_per_day": 0.0}, "requests_per_day=0.0 must be a number in"),
        ({"pool": 5}, r"pool=5 can't give num_candidates=10"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(WorldError, match=says):
        make_world("streaming", **options)


def test_time_stands_still_while_nobody_is_there() -> None:
    world = make_world("streaming", num_envs=2)
    assert isinstance(world, Streaming)
    everyone = np.ones(2, dtype=np.bool_)
    world.seed(Streams.spawn(1))
    world.begin(everyone)
    world.offer()
    world.react(world.myopic(), ~everyone)
    assert world._clock.now_h == 0.0
    world.offer()
    world.react(world.myopic(), everyone)
    assert world._clock.now_h > 0.0
