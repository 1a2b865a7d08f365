from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from simulator.front_page import ARTICLES, EXAMINED, SEGMENTS, SLOTS, FrontPage


def test_the_seed_decides_readers_and_clicks() -> None:
    def course(seed: int) -> list[object]:
        world = FrontPage(seed)
        return [(ask, tuple(world.react(ask, list(ARTICLES)[:SLOTS]))) for ask in islice(world.asks(), 50)]

    assert course(1) == course(1)
    assert course(1) != course(2)


def test_requests_offer_every_article_and_readers_differ() -> None:
    asks = list(islice(FrontPage(0).asks(), 600))
    assert all(list(ask.actions) == list(ARTICLES) for ask in asks)
    segments = Counter(ask.context["segment"] for ask in asks)
    assert set(segments) == set(SEGMENTS)
    assert min(segments.values()) > 150
    assert len({ask.user for ask in asks}) == 600


def test_clicks_come_as_often_as_their_chance_and_fade_down_the_page() -> None:
    """20,000 looks: the standard error of a slot's share is at most .0036, so .015 is four of them."""
    world = FrontPage(3)
    ask = next(world.asks())
    shown = ["food-news", "food-news", "food-news"]
    clicks = np.mean([world.react(ask, shown) for _ in range(20_000)], axis=0)
    chances = world.click_chances(ask.user, shown)
    assert clicks == pytest.approx(chances, abs=0.015)
    assert chances == pytest.approx([chances[0] * looked for looked in EXAMINED])


def test_the_uniform_expectation_is_exact() -> None:
    """30,000 uniform slates: standard error below .0015; the tolerance is four of them."""
    world = FrontPage(4)
    ask = next(world.asks())
    rng = np.random.default_rng(0)
    ids = list(ARTICLES)
    slates = [rng.permutation(len(ids))[:SLOTS] for _ in range(30_000)]
    earned = np.mean([np.mean(world.click_chances(ask.user, [ids[i] for i in slate])) for slate in slates])
    assert ask.expected == pytest.approx(earned, abs=0.006)


def test_knowing_the_reader_is_worth_much_more_than_any_fixed_order() -> None:
    world = FrontPage(0)
    ids = list(ARTICLES)
    best, uniform, fixed = 0.0, 0.0, np.zeros(len(ids))
    for ask in islice(world.asks(), 1000):
        attraction = np.array([world.click_chances(ask.user, [one])[0] for one in ids])
        best += float(np.sort(attraction)[::-1][:SLOTS] @ np.array(EXAMINED)) / SLOTS
        fixed += attraction
        uniform += ask.expected
    best_fixed = float(np.sort(fixed)[::-1][:SLOTS] @ np.array(EXAMINED)) / SLOTS
    assert best > 2.0 * uniform
    assert best > 1.3 * best_fixed
