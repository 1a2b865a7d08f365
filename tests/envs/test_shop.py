"""The equations of the shop world, with its dice replaced by known numbers or by many of them."""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs import shop
from envs.presets import make_world
from envs.shop import Shop, ShopSettings
from envs.shop_funnel import pages_later
from envs.shop_items import BANDS, BRANDS, CATEGORIES, Items
from envs.shop_shoppers import TIER_SHARES, TIERS, Shoppers
from envs.slate_space import random_slates
from envs.world import Feedback, Streams, WorldError
from tests.envs.scripted import Scripted

STILL = ShopSettings(churn=0, drift=0.0, stock=math.inf)
ALL = np.ones(1, dtype=np.bool_)
STAY, GO = 0.5, 0.0
NOW, NEXT_PAGE, FAR_OFF = 0.25, 0.6, 0.999
PAGE = np.array([[0, 1, 2]])


def begun(n_users: int = 1, n_candidates: int = 10, n_slots: int = 3, settings: ShopSettings = STILL) -> Shop:
    world = Shop(n_users, n_candidates, n_slots, settings)
    world.seed(Streams.spawn(4))
    world.begin(np.ones(n_users, dtype=np.bool_))
    world.offer()
    return world


def with_dice(world: Shop, choices: list[float], dynamics: list[float]) -> None:
    streams = Streams.spawn(4)
    world._streams = Streams(streams.users, streams.documents, Scripted(*choices), Scripted(*dynamics))


def expected(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))


def test_the_funnel_is_the_equations() -> None:
    """One shopper, one item, every term by hand."""
    world = begun(n_candidates=1, n_slots=1, settings=replace(STILL, pool=1))
    items, shoppers = world.items, world.shoppers
    items.category[:], items.brand[:], items.level[:], items.appeal[:] = 3, 1, 1.5, 0.25
    shoppers.taste[0, 3], shoppers.brand[0], shoppers.sensitivity[0] = 1.0, 1, 0.4
    shoppers.high_value[0], shoppers.device[0] = True, 0
    world.fashion[3] = 0.125
    strain, liking = 0.4 * 1.5, 1.0 + 0.8
    view = -2.5 + 0.25 + 0.125 + liking - 0.3 * strain
    cart = expected(-2.25 + 0.6 * 0.25 + 0.4 * liking - 0.8 * strain)
    purchase = expected(-0.9 + 0.5 - 0.4 - 0.5 * strain)
    found = world.funnel()
    assert [float(values[0, 0]) for values in found] == pytest.approx([view, cart, purchase])
    assert found.worth((0.1, 0.2, 0.7))[0, 0] == pytest.approx(expected(view) * (0.1 + cart * (0.2 + purchase * 0.7)))
    shoppers.high_value[0], shoppers.device[0], shoppers.brand[0] = False, 1, 2
    found = world.funnel()
    assert found.view[0, 0] == pytest.approx(view - 0.8)
    assert found.purchase[0, 0] == pytest.approx(expected(-0.9 - 0.5 * strain))


def test_slots_are_looked_at_less_and_less_each_for_itself() -> None:
    world = begun(settings=replace(STILL, position_bias=0.2))
    viewed = world.funnel().viewed[0, :3]
    reaction = world.react(PAGE, ALL)
    chances = viewed * np.array([1.0, 0.8, 0.64])
    assert reaction.click_chances[0] == pytest.approx(chances)
    assert reaction.no_click_chance[0] == pytest.approx(np.prod(1.0 - chances))


def test_delays_are_geometric() -> None:
    """0 with chance 1/2, 1 with 1/4, 2 with 1/8: the n-th begins at 1 - 2^-n."""
    starts = 1.0 - 0.5 ** np.arange(6, dtype=np.float64)
    assert pages_later(starts + 1e-9).tolist() == list(range(6))
    assert pages_later(starts[1:] - 1e-9).tolist() == list(range(5))


def test_carts_and_purchases_show_later_and_are_credited_to_their_slate() -> None:
    """Slot 0: viewed, in the cart at once, bought a page later. Slot 1: viewed and left. Slot 2: not even viewed."""
    world = begun()
    sure, never = 0.0, 1.0 - 1e-9
    with_dice(
        world,
        [sure, sure, never, *(sure, never, sure), *(sure, sure, sure), *[never] * 9],
        [STAY, *(NOW, NOW, NOW), *(NEXT_PAGE, NOW, NOW), STAY, *[NOW] * 6],
    )
    first = world.react(PAGE, ALL)
    assert world.feedback(first, 0) == [(0, 0, "click", 1.0), (0, 1, "click", 1.0), (0, 0, "cart", 1.0)]
    assert first.rewards[0] == pytest.approx(0.4)
    assert first.response["cart"].tolist() == [[1.0, 0.0, 0.0]]
    assert first.delayed is None
    second = world.react(PAGE, ALL)
    assert world.feedback(second, 0) == [(1, 0, "purchase", 1.0)]
    assert second.rewards[0] == pytest.approx(0.7)
    assert isinstance(second.delayed, Feedback)
    assert not second.response["purchase"].any()


def test_the_last_page_brings_all_that_is_under_way() -> None:
    world = begun()
    sure, never = 0.0, 1.0 - 1e-9
    with_dice(world, [sure] * 9 + [never] * 9, [STAY, *[FAR_OFF] * 6, GO, *[NOW] * 6])
    first = world.react(PAGE, ALL)
    assert [name for _, _, name, _ in world.feedback(first, 0)] == ["click"] * 3
    last = world.react(PAGE, ALL)
    assert last.ended[0]
    pieces = Counter((ago, name) for ago, _, name, _ in world.feedback(last, 0))
    assert pieces == {(1, "cart"): 3, (1, "purchase"): 3}
    assert last.rewards[0] == pytest.approx(3 * 0.9)


def test_who_viewed_something_leaves_less_often() -> None:
    for draw, limit in ((0.0, 0.12), (1.0 - 1e-9, 0.22)):
        for leave in (limit - 1e-9, limit + 1e-9):
            world = begun()
            with_dice(world, [draw] * 9, [leave, *[NOW] * 6])
            assert world.react(PAGE, ALL).ended[0] == (leave < limit)


def test_no_purchase_is_lost_and_none_comes_twice() -> None:
    """Over whole visits each cart belongs to a view, each purchase to a cart, and arrives not before it."""
    world = begun(n_users=20)
    everyone, dice = np.ones(20, dtype=np.bool_), np.random.default_rng(3)
    page = np.zeros(20, dtype=int)
    seen: dict[tuple[Any, ...], int] = {}
    n_bought = n_decided = 0
    for now in range(400):
        decided = len(world._under_way)
        reaction = world.react(random_slates(dice, (20, 10, 3)), everyone)
        n_told = 0
        for place in range(20):
            user = int(world.shoppers.serials[place])
            for ago, slot, name, value in world.feedback(reaction, place):
                key = (user, int(page[place]) - ago, slot, name)
                assert key not in seen
                assert key[1] >= 0
                seen[key] = now
                assert value == 1.0
                n_told += name != "click"
        n_decided += n_told + len(world._under_way) - decided
        n_bought += n_told
        page = np.where(reaction.ended, 0, page + 1)
        world.begin(reaction.ended)
        world.offer()
    assert n_decided == n_bought + len(world._under_way)
    for (user, shown, slot, name), now in seen.items():
        for before in {"cart": ["click"], "purchase": ["click", "cart"], "click": []}[name]:
            assert seen[user, shown, slot, before] <= now
    assert min(Counter(name for *_, name in seen).values()) > 20


def test_new_items_come_at_midnight_in_the_places_of_the_oldest() -> None:
    world = begun(settings=replace(STILL, churn=3, requests_per_day=4, pool=12))
    for day in range(1, 5):
        ids, since = world.items.shelves.serials.copy(), world.items.shelves.since_h.copy()
        for step in range(4):
            assert np.array_equal(world.items.shelves.serials, ids), step
            world.react(PAGE, ALL)
            world.begin(ALL)
            world.offer()
        gone = np.flatnonzero(world.items.shelves.serials != ids)
        assert set(gone) == set(np.argsort(since, kind="stable")[:3])
        assert (world.items.shelves.since_h[gone] == 24.0 * day).all()


def test_what_is_sold_out_makes_room_at_once() -> None:
    items = Items(4, 2, stock=math.inf)
    items.restart(np.random.default_rng(1), 0.0)
    items.units[:] = [2.0, 1.0, 3.0, 1.0]
    replaced = items.sell(np.random.default_rng(1), np.array([0, 1, 2, 2]), 7.0)
    assert replaced.tolist() == [1]
    assert items.shelves.serials.tolist() == [0, 4, 2, 3]
    assert items.units.tolist() == [1.0, math.inf, 1.0, 1.0]
    assert items.sell(np.random.default_rng(1), np.array([0]), 8.0).tolist() == [0]


def test_a_purchase_takes_a_unit_off_the_shelf() -> None:
    world = begun(settings=replace(STILL, stock=50.0))
    world.items.units[:] = 9.0
    sure, never = 0.0, 1.0 - 1e-9
    with_dice(world, [sure, sure, sure, *(sure, sure, never), *(sure, never, sure)], [STAY, *[FAR_OFF] * 6])
    shelves = world.offered[0]
    world.react(PAGE, ALL)
    assert world.items.units[shelves[0]] == 8.0
    assert world.items.units.sum() == 9.0 * 80 - 1.0


def test_stock_is_as_told_and_grows_with_the_places() -> None:
    """Geometric with mean 15: over 4,000 items the mean lies within 5 · 15 / √4,000 = 1.2 of it."""
    world = Shop(1, 10, 3, ShopSettings(pool=4000))
    world.seed(Streams.spawn(1))
    assert abs(world.items.units.mean() - 15.0) < 1.2
    assert world.items.units.min() >= 1.0
    crowd = Shop(10, 10, 3, ShopSettings(pool=4000))
    crowd.seed(Streams.spawn(1))
    assert abs(crowd.items.units.mean() - 150.0) < 12.0


def test_fashion_moves_at_midnight_by_drift() -> None:
    """Each midnight: 0.7 of what was, and Normal(0, 2). 200 · 8 gains: their deviation within 5 · 2 / √3,200 of 2."""
    world = begun(settings=replace(STILL, drift=2.0, requests_per_day=1))
    gains = []
    for _ in range(200):
        before = world.fashion.copy()
        world.react(PAGE, ALL)
        world.begin(ALL)
        world.offer()
        gains.append(world.fashion - 0.7 * before)
    assert abs(np.std(gains) - 2.0) < 0.18


def test_switched_off_nothing_moves() -> None:
    """The same shopper finds the same items as good after days; each switch alone moves what it should."""
    moved = {}
    for option in ({}, {"drift": 0.3}, {"churn": 8}, {"stock": 1.0}):
        world = begun(settings=replace(STILL, requests_per_day=80, **option))
        ids = world.items.shelves.serials.copy()
        for _ in range(240):
            world.begin(world.react(world.myopic(), ALL).ended)
            world.offer()
        moved[next(iter(option), "none")] = (
            bool(world.fashion.any()),
            not np.array_equal(ids, world.items.shelves.serials),
        )
    assert moved == {"none": (False, False), "drift": (True, False), "churn": (False, True), "stock": (False, True)}


def test_time_stands_still_while_nobody_is_there() -> None:
    world = begun(settings=replace(STILL, stock=1.0))
    units = world.items.units.copy()
    with_dice(world, [0.0] * 9, [STAY, *[NOW] * 6])
    world.react(PAGE, np.zeros(1, dtype=np.bool_))
    assert world.clock.now_h == 0.0
    np.testing.assert_array_equal(world.items.units, units)


def test_shoppers_are_what_their_shares_say() -> None:
    """40,000 shoppers: a share's standard error is at most 0.5 / √12,000 = 0.0046; five of them are 0.023."""
    shoppers = Shoppers(40_000)
    shoppers.begin(np.ones(40_000, dtype=np.bool_), np.random.default_rng(2))
    assert shoppers.high_value.mean() == pytest.approx(0.3, abs=0.023)
    for kind in (0, 1):
        mine = shoppers.high_value == bool(kind)
        shares = np.bincount(shoppers.tier[mine], minlength=3) / mine.sum()
        np.testing.assert_allclose(shares, TIER_SHARES[kind], atol=0.023)
        assert shoppers.sensitivity[mine].mean() == pytest.approx((0.7, -0.5)[kind], abs=0.023)
    own = shoppers.taste.argmax(axis=1)
    assert (own == shoppers.interest).mean() == pytest.approx(0.8 + 0.2 / 8, abs=0.023)
    assert (shoppers.brand == shoppers.known_brand).mean() == pytest.approx(0.7 + 0.3 / 6, abs=0.023)
    taste = shoppers.taste[np.arange(40_000), shoppers.interest]
    assert taste.mean() == pytest.approx(1.8 * 0.825 - 0.6 * 0.175, abs=0.05)


def test_the_view_before_is_known_within_the_visit() -> None:
    world = begun()
    assert world.describe(0).context["viewed"] == "nothing"
    never = 1.0 - 1e-9
    with_dice(world, [never, 0.0, *[never] * 7], [STAY, *[NOW] * 6])
    category = CATEGORIES[world.items.category[world.offered[0, 1]]]
    world.react(PAGE, ALL)
    assert world.describe(0).context["viewed"] == category
    world.begin(ALL)
    assert world.describe(0).context["viewed"] == "nothing"


def test_what_was_viewed_is_offered_again_only_where_nothing_else_is_left() -> None:
    world = begun(n_candidates=3, n_slots=1, settings=replace(STILL, pool=4))
    with_dice(world, [0.0] * 3, [STAY, NOW, NOW])
    viewed = world.offered[0, 1]
    world.react(np.array([[1]]), ALL)
    world._streams = Streams.spawn(9)
    for _ in range(30):
        world.offer()
        assert viewed not in world.offered[0]


def decoded(row: Any) -> dict[str, Any]:
    """An item's JSON features from its vector."""
    n, m = len(CATEGORIES), len(BRANDS)
    return {
        "category": CATEGORIES[row[:n].argmax()],
        "brand": BRANDS[row[n : n + m].argmax()],
        "price": pytest.approx(float(row[-4]) * 40.0 * math.exp(1.8), abs=1e-4),
        "price_band": BANDS[row[n + m : n + m + 3].argmax()],
        "rating": round(float(row[-2]) * 4.0 + 1.0, 1),
        "age_days": round(float(row[-1]) * 60.0),
    }


def test_vectors_say_the_same_as_json() -> None:
    world = begun(n_users=4, settings=ShopSettings(requests_per_day=24))
    everyone = np.ones(4, dtype=np.bool_)
    for _ in range(31):
        world.begin(world.react(world.myopic(), everyone).ended)
        world.offer()
    users, items = world.observe()
    for place in range(4):
        offer = world.describe(place)
        assert [decoded(row) for row in items[place]] == list(offer.actions.values())
        user, told = users[place], offer.context
        assert round(float(user[0]) * 23) == told["hour"] == 7
        assert TIERS[user[4:7].argmax()] == told["user"]["tier"]
        assert CATEGORIES[user[7:15].argmax()] == told["user"]["interest"]
        assert BRANDS[user[15:21].argmax()] == told["user"]["brand"]
        viewed = user[21:]
        assert (CATEGORIES[viewed.argmax()] if viewed.any() else "nothing") == told["viewed"]


def test_bands_are_thirds_and_ratings_tell_some_of_the_appeal() -> None:
    """20,000 items: shares within 5 · 0.0033; correlation 0.4 / √(0.4² + 0.7²) = 0.496, less what 5 stars cut off."""
    items = Items(20_000, 10, stock=math.inf)
    items.restart(np.random.default_rng(5), 8.0)
    np.testing.assert_allclose(np.bincount(items.band) / 20_000, 1 / 3, atol=0.017)
    assert 0.44 < np.corrcoef(items.appeal, items.rating)[0, 1] < 0.53


def test_the_myopic_page_has_the_greatest_expected_reward() -> None:
    world = begun(n_users=3, n_candidates=5, n_slots=3)
    worth = world.funnel().worth((0.1, 0.2, 0.7))
    fade = 0.85 ** np.arange(3)
    best = world.myopic()
    for user in range(3):
        slates = [(i, j, k) for i in range(5) for j in range(5) for k in range(5) if len({i, j, k}) == 3]
        assert tuple(best[user]) == max(slates, key=lambda slate: float(worth[user, list(slate)] @ fade))


def test_informed_is_myopic() -> None:
    world = begun(n_users=50)
    np.testing.assert_array_equal(world.informed(), world.myopic())


@pytest.mark.parametrize(
    "option",
    [
        {"churn": -1},
        {"churn": 2.5},
        {"pool": 80.0},
        {"drift": float("inf")},
        {"stock": 0.5},
        {"position_bias": -0.1},
        {"pool": 5},
        {"requests_per_day": 0},
    ],
)
def test_options_that_cannot_be_are_refused_by_name(option: dict[str, Any]) -> None:
    with pytest.raises(WorldError, match=next(iter(option))):
        make_world("shop", **option)


def test_the_range_grows_with_the_candidates() -> None:
    assert Shop(1, 100, 5).items.shelves.n_shelves == shop.PER_CANDIDATE * 100
