"""The equations of the news world, with its dice replaced by known numbers or by many of them."""

import math
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from envs import news
from envs.news import CHOICES, Fading, News, NewsSettings
from envs.news_articles import LOCAL, LOCATIONS, TOPICS, WORDS, Articles
from envs.news_readers import DAYPART_TASTE, DAYPARTS, SEGMENT_TASTE, SEGMENTS, Readers, daypart
from envs.presets import make_world
from envs.world import Streams, WorldError
from tests.contracts.world_contract import Make, WorldContract
from tests.envs.scripted import Scripted

STILL = NewsSettings(churn=0.0, drift=0.0)
ALL = np.ones(1, dtype=np.bool_)


def begun(n_users: int = 1, n_candidates: int = 10, n_slots: int = 3, settings: NewsSettings = STILL) -> News:
    world = News(n_users, n_candidates, n_slots, settings)
    world.seed(Streams.spawn(4))
    world.begin(np.ones(n_users, dtype=np.bool_))
    world.offer()
    return world


def with_dice(world: News, *, choices: tuple[float, ...], leave: float) -> None:
    """The next draws of choices and of leaving."""
    streams = Streams.spawn(4)
    world._streams = Streams(streams.users, streams.documents, Scripted(*choices), Scripted(leave))


def steps(world: News, n: int) -> None:
    everyone = np.ones(world.n_users, dtype=np.bool_)
    for _ in range(n):
        world.begin(world.react(world.myopic(), everyone).ended)
        world.offer()


def test_the_attraction_is_the_equation() -> None:
    """One reader, one article, every term by hand: the day's first half hour, so nothing has moved."""
    world = begun(n_candidates=1, n_slots=1, settings=replace(STILL, churn=1.0, pool=1))
    articles, readers = world.articles, world.readers
    articles.topic[:], articles.place[:], articles.pull[:], articles.words[:] = LOCAL, 2, 0.25, 1200
    articles.shelves.since_h[:] = -12.0
    readers.taste[0, LOCAL], readers.location[0], readers.device[0] = 0.5, 2, 0
    world.buzz[LOCAL] = 0.125
    common = -3.6 + 0.25 + 0.8 * 0.25 + 0.125 + DAYPART_TASTE[0, LOCAL] + 0.5
    assert world.scores()[0, 0] == pytest.approx(common + 0.9 - 0.3)
    readers.location[0] = 1
    assert world.scores()[0, 0] == pytest.approx(common - 0.7 - 0.3)
    readers.device[0] = 1
    assert world.scores()[0, 0] == pytest.approx(common - 0.7)
    articles.place[:] = -1
    assert world.scores()[0, 0] == pytest.approx(common)


def test_position_bias_makes_the_chance_of_a_look_smaller_from_slot_to_slot() -> None:
    world = begun(settings=replace(STILL, position_bias=0.2))
    a = 1.0 / (1.0 + np.exp(-world.scores()[0, :3]))
    chances = world.react(np.array([[0, 1, 2]]), ALL).click_chances[0]
    v = a * np.array([1.0, 0.8, 0.64])
    assert chances == pytest.approx([v[0], v[1] * (1 - v[0]), v[2] * (1 - v[0]) * (1 - v[1])])
    np.testing.assert_allclose(Fading(0.0)(np.zeros((2, 3))), 0.5)
    assert Fading(1.0)(np.zeros((1, 3))).tolist() == [[0.5, 0.0, 0.0]]


def test_one_draw_decides_which_slot_is_clicked_and_another_who_leaves() -> None:
    world = begun()
    chances = world.react(np.array([[0, 1, 2]]), ALL).click_chances[0]
    for draw, slot in ((chances[0] + chances[1] / 2, 1), (chances.sum() + 1e-6, None)):
        for leave, limit in ((-1e-9, True), (1e-9, False)):
            world = begun()
            chance = 0.25 if slot is None else 0.12
            with_dice(world, choices=(draw,), leave=chance + leave)
            reaction = world.react(np.array([[0, 1, 2]]), ALL)
            assert np.flatnonzero(reaction.clicks[0]).tolist() == ([] if slot is None else [slot])
            assert reaction.rewards[0] == (slot is not None)
            assert world.feedback(reaction, 0) == ([] if slot is None else [(0, slot, "click", 1.0)])
            assert reaction.ended[0] == limit


def test_what_was_read_is_offered_again_only_where_nothing_else_is_left() -> None:
    world = begun(n_candidates=3, n_slots=1, settings=replace(STILL, pool=4))
    with_dice(world, choices=(0.0,), leave=0.99)
    read = world.offered[0, 1]
    assert world.react(np.array([[1]]), ALL).clicks[0, 0]
    world._streams = Streams.spawn(9)
    for _ in range(30):
        world.offer()
        assert read not in world.offered[0]
    world.begin(ALL)
    offered = []
    for _ in range(30):
        world.offer()
        offered += world.offered[0].tolist()
    assert read in offered


def test_articles_age_and_make_room_on_the_hour() -> None:
    """4 steps an hour. The oldest article goes first; ages grow with time; ids never return."""
    world = begun(settings=NewsSettings(requests_per_day=96, churn=5.0, drift=0.0, pool=20))
    seen: dict[int, float] = {}
    for step in range(1, 200):
        before = world.articles.shelves.serials.copy()
        oldest = np.argsort(world.articles.shelves.since_h, kind="stable")
        steps(world, 1)
        gone = np.setdiff1d(before, world.articles.shelves.serials)
        assert set(gone) == set(before[oldest[: len(gone)]])
        if step % 4:
            assert len(gone) == 0
        for serial, since in zip(world.articles.shelves.serials, world.articles.shelves.since_h, strict=True):
            assert seen.setdefault(int(serial), since) == since
    assert world.articles.shelves.since_h.max() <= world.clock.now_h
    assert 20 + 5 * 49 - 5 * 16 < len(seen) < 20 + 5 * 49 + 5 * 16  # Poisson: standard deviation 15.7


def test_the_news_fades_by_half_in_six_hours() -> None:
    world = begun(settings=NewsSettings(requests_per_day=24, churn=0.0, drift=0.0))
    world.buzz[3] = 1.0
    steps(world, 6)
    assert world.buzz == pytest.approx([0, 0, 0, 0.5, 0, 0, 0, 0])


def test_topics_break_at_the_rate_of_drift() -> None:
    """400 days at 3 a day, buzz kept from fading: a Poisson count of mean 1,200, standard deviation 35."""
    world = begun(settings=NewsSettings(requests_per_day=2, churn=0.0, drift=3.0))
    total = 0.0
    for _ in range(800):
        world.buzz[:] = 0.0
        steps(world, 1)
        total += world.buzz.sum()
    assert abs(total - 1200) < 5 * 35


def test_without_churn_and_drift_the_world_is_stationary() -> None:
    """At the same hour of a later day, the same reader finds the same articles as attractive."""
    moved = {}
    for settings in (STILL, replace(STILL, drift=3.0), replace(STILL, churn=2.0)):
        world = begun(settings=replace(settings, requests_per_day=48))
        everyone, ids = world._everyone(), world.articles.shelves.serials.copy()
        steps(world, 5 * 48)
        same_ids = np.array_equal(ids, world.articles.shelves.serials)
        moved[settings.churn, settings.drift] = (not np.allclose(everyone, world._everyone()), not same_ids)
    assert moved == {(0.0, 0.0): (False, False), (0.0, 3.0): (True, False), (2.0, 0.0): (True, True)}


def test_time_stands_still_while_nobody_is_there() -> None:
    world = begun()
    world.react(world.myopic(), np.zeros(1, dtype=np.bool_))
    assert world.clock.now_h == 0.0


def test_dayparts_change_on_the_hour() -> None:
    assert [DAYPARTS[daypart(hour)] for hour in (0, 5, 6, 10, 11, 16, 17, 23)] == [
        *("night", "night", "morning", "morning"),
        *("day", "day", "evening", "evening"),
    ]


def test_a_request_is_what_an_application_would_send() -> None:
    world = begun(settings=NewsSettings(requests_per_day=24))
    steps(world, 20)
    offer = world.describe(0)
    assert offer.context["hour"] == 20
    assert offer.context["daypart"] == "evening"
    assert offer.context["user"]["segment"] in SEGMENTS
    assert set(offer.context) == {"hour", "daypart", "location", "device", "user"}
    for features in offer.actions.values():
        assert set(features) == {"topic", "region", "age_h", "words"}
        assert (features["region"] == "all") == (features["topic"] != "local")
        assert WORDS[0] <= features["words"] <= WORDS[1]
        assert 0.0 <= features["age_h"] < 96.0


def decoded(row: Any) -> dict[str, Any]:
    """An article's JSON features from its vector."""
    n, m = len(TOPICS), len(LOCATIONS)
    about = row[n : n + m]
    return {
        "topic": TOPICS[row[:n].argmax()],
        "region": LOCATIONS[about.argmax()] if about.any() else "all",
        "age_h": round(float(row[n + m]) * 96.0, 1),
        "words": round(float(row[n + m + 1]) * (WORDS[1] - WORDS[0]) + WORDS[0]),
    }


def test_vectors_say_the_same_as_json() -> None:
    world = begun(n_users=4, settings=NewsSettings(requests_per_day=24))
    steps(world, 31)
    users, items = world.observe()
    for place in range(4):
        offer = world.describe(place)
        assert [decoded(row) for row in items[place]] == list(offer.actions.values())
        user = users[place]
        assert round(float(user[4]) * 23) == offer.context["hour"]
        assert DAYPARTS[user[:4].argmax()] == offer.context["daypart"]
        assert LOCATIONS[user[5:9].argmax()] == offer.context["location"]
        assert SEGMENTS[user[12:].argmax()] == offer.context["user"]["segment"]
        assert user[9:12].sum() == user[:4].sum() == user[5:9].sum() == user[12:].sum() == 1.0


def test_readers_are_like_their_segment_but_not_alike() -> None:
    """20,000 readers: means of 2,000 or more tastes lie within 5 · 0.6 / √2,000 = 0.067 of the segment's."""
    readers = Readers(20_000)
    readers.begin(np.ones(20_000, dtype=np.bool_), np.random.default_rng(2))
    for segment in range(len(SEGMENTS)):
        own = readers.taste[readers.segment == segment]
        assert np.abs(own.mean(axis=0) - SEGMENT_TASTE[segment]).max() < 0.08
        assert np.abs(own.std(axis=0) - 0.6).max() < 0.06


def test_the_pool_at_first_is_as_old_as_its_pace_makes_it() -> None:
    articles = Articles(48, 10)
    articles.restart(np.random.default_rng(1), 2.0)
    assert articles.shelves.age_h(0.0) == pytest.approx(np.arange(48, 0, -1) / 2.0 - 0.25)
    articles.restart(np.random.default_rng(1), 0.0)
    assert articles.shelves.age_h(0.0).max() < 24.0


def test_the_informed_page_is_the_most_likely_to_be_clicked() -> None:
    world = begun(n_users=3, n_candidates=5, n_slots=3)
    a = np.exp(world.scores())
    a /= 1.0 + a
    best = world.informed()
    np.testing.assert_array_equal(best, world.myopic())
    fade = 0.85 ** np.arange(3)
    for user in range(3):
        chance = {
            slate: 1.0 - math.prod(1.0 - a[user, list(slate)] * fade)
            for slate in ((i, j, k) for i in range(5) for j in range(5) for k in range(5) if len({i, j, k}) == 3)
        }
        assert tuple(best[user]) == max(chance, key=lambda slate: chance[slate])


@pytest.mark.parametrize(
    "option", [{"churn": -1.0}, {"drift": float("nan")}, {"position_bias": 1.5}, {"pool": 5}, {"requests_per_day": 0}]
)
def test_options_that_cannot_be_are_refused_by_name(option: dict[str, Any]) -> None:
    with pytest.raises(WorldError, match=next(iter(option))):
        make_world("news", **option)


def test_the_pool_grows_with_the_candidates() -> None:
    assert make_world("news").n_candidates == 10
    assert News(1, 100, 5).articles.shelves.n_shelves == news.PER_CANDIDATE * 100


@pytest.mark.parametrize("choice", list(CHOICES))
def test_myopic_is_the_best_page_whatever_the_choice_model(choice: str) -> None:
    """Against all 60 pages of 3 from 5 articles: in expected clicks, and in the chance of any click.

    Attractions are raised to some 0.2 to 0.9, where the order matters.
    """
    world = begun(n_users=20, n_candidates=5, settings=replace(STILL, choice=choice, position_bias=0.3))
    world.articles.pull += np.random.default_rng(1).normal(4.0, 1.0, world.articles.pull.shape)
    pages = np.array(list(permutations(range(5), 3)))
    scores = world.scores()
    found = [world._choice.chances(scores[:, page]) for page in pages]
    clicks = np.array([chances.clicks.sum(axis=1) for chances in found])
    nothing = np.array([chances.nothing for chances in found])
    best = world._choice.chances(np.take_along_axis(scores, world.myopic(), axis=1))
    np.testing.assert_allclose(best.clicks.sum(axis=1), clicks.max(axis=0))
    np.testing.assert_allclose(best.nothing, nothing.min(axis=0))


def test_several_clicks_a_page_are_as_many_rewards_and_keep_the_reader_once() -> None:
    world = begun(settings=replace(STILL, choice="position-based"))
    world.articles.pull[:] = 50.0
    with_dice(world, choices=(0.0, 0.0, 0.9), leave=0.13)
    reaction = world.react(np.array([[0, 1, 2]]), ALL)
    assert reaction.clicks.tolist() == [[True, True, False]]
    assert reaction.rewards.tolist() == [2.0]
    assert world.feedback(reaction, 0) == [(0, 0, "click", 1.0), (0, 1, "click", 1.0)]
    assert reaction.ended.tolist() == [False]


@pytest.mark.parametrize("choice", ["position-based", "dependent-click"])
class TestOtherChoices(WorldContract):
    @pytest.fixture
    def make(self, choice: str) -> Make:
        return partial(make_world, "news", {"choice": choice})
