"""A shop as a world: shoppers view items, some put one into the cart later, and some of these buy later still.

In: pages (slates) shown to shoppers. Out: views at once, carts and purchases on later pages of the visit. KPI:
conversion, purchases per visit. An episode is one visit, some 5 pages; who comes back is a new shopper.

**Items** (``shop_items.py``). A range of ``pool`` lasting ids: category and brand uniform; price 40 · exp(0.6 · level)
with level λ ~ Normal(0, 1) within ±3; appeal q ~ Normal(0, 0.4), seen only as a noisy rating; a stock of units,
geometric with mean ``stock`` for each place of the world. Each midnight ``churn`` new items replace the oldest. An item
that is sold out goes at once, and the next new one takes its shelf.

**Shoppers** (``shop_shoppers.py``). 30 % are high-value, with price sensitivity s ~ Normal(-0.5, 0.3), the others are
occasional, Normal(0.7, 0.3). One category is the shopper's own: taste 1.8, against -0.6 for the others, each ±
Normal(0, 0.4); one brand b too. None of this is observed. What is: a tier (gold, silver, basic; of high-value shoppers
60, 30, 10 %, of occasional ones 5, 25, 70 %), an ``interest``, which is the own category in 80 % of cases and else any,
a ``brand``, right in 70 %, the device, and the category viewed last in this visit.

**Funnel** (``shop_funnel.py``), with liking l = taste of the category + 0.8 for the brand and strain p = s · λ::

    logit P(view, once looked at) = -2.5 + q + fashion + l - 0.3 p
    logit P(cart, once viewed)    = -2.25 + 0.6 q + 0.4 l - 0.8 p
    logit P(purchase, once in)    = -0.9 + 0.5 for high-value - 0.4 on a phone - 0.5 p

**Looking.** Slot k is looked at with chance (1 - ``position_bias``)^k, each for itself; a page may get several views.

**Delay.** A cart shows n pages after its view with chance 0.5^(n + 1), n ≥ 0, and a purchase as much after its cart.
All that is under way when the visit ends shows with its last page: decided shoppers check out before they go, nothing
is lost. Rewards: 0.1 for a view (feedback ``click``), 0.2 for a cart, 0.7 for a purchase, so a slot earns at most 1.

**Leaving.** After a page with a view the shopper leaves with probability 0.12, after one without with 0.22. Items
viewed in this visit are offered again only where nothing else is left.

**Time.** A step is 24 / ``requests_per_day`` hours, whatever the number of places; it begins at midnight. **Fashion**,
one number a category, in log odds, from 0: each midnight it keeps 0.7 of itself and gains ``drift`` · Normal(0, 1).
``drift`` 0, ``churn`` 0 and ``stock`` infinite make the world stationary.

**Why these numbers** (log odds: 0.7 doubles small odds). A quarter of the pages lead to a view where items are shown at
random, under half where the truth is known; then a fifth of the views lead to a cart and a third of the carts to a
purchase: from 8 to some 24 purchases in 100 visits. Purchases are rare and late, views are frequent and at once but
weigh little, so a policy must learn from both. Interest is worth 2.4, less its errors: who looks for shoes buys shoes.
Price works on carts more than on views, and in opposite directions for the two kinds of shoppers, so the best price is
personal too. Appeal, prices most shoppers can bear, and fashion make popular items worth about a third more than any
item, so that personal choice is no easy win. A published case for comparison: landing pages chosen by a contextual
bandit brought 18 % more revenue (Agarwal et al. 2016, "Making Contextual Decisions with Low Technical Debt",
arXiv:1606.03966). The figures of the funnel follow no one shop: they were set so that these shares come out.

``myopic`` shows the items of the greatest expected reward. A view also keeps the shopper for further pages, but what is
bought is what is viewed, and a policy that adds to each item what its view is worth so does measurably no better: so
``informed`` is ``myopic``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from envs import shop_items, shop_shoppers
from envs.attraction import Logistic
from envs.choice import PositionBased, pick
from envs.clock import Clock
from envs.shop_funnel import Funnel, bought, funnel, pages_later
from envs.shop_items import CATEGORIES, Items
from envs.shop_orders import Arrived, UnderWay
from envs.shop_shoppers import Shoppers
from envs.slate_space import top_slates
from envs.world import (
    Flags,
    Floats,
    Indices,
    Kpi,
    Observed,
    Offer,
    Reaction,
    Shape,
    Streams,
    World,
    check_number,
)

LEAVE_IDLE, LEAVE_VIEWED = 0.22, 0.12
FASHION_KEPT = 0.7
SMALLEST_POOL = 80
PER_CANDIDATE = 4
TYPES = ("click", "cart", "purchase")
CLICK, CART, PURCHASE = range(3)


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """What may be set of the shop world.

    Attributes:
        requests_per_day: Pages each place asks for in a day of world time.
        pool: Items on sale; None: ``PER_CANDIDATE`` for each candidate, at least ``SMALLEST_POOL``.
        churn: New items each midnight, in the places of the oldest.
        stock: Mean units of an item for each place; infinite: nothing sells out.
        drift: Standard deviation of what fashion gains in a day, in log odds.
        position_bias: How much smaller the chance of a look is from slot to slot, in [0, 1]; 0 none.
    """

    requests_per_day: float = 3000.0
    pool: int | None = None
    churn: int = 8
    stock: float = 15.0
    drift: float = 0.3
    position_bias: float = 0.15

    def __post_init__(self) -> None:
        check_number("requests_per_day", self.requests_per_day, within="(0, inf)")
        check_number("churn", self.churn, within="[0, inf)", whole=True)
        check_number("stock", self.stock, within="[1, inf]")
        check_number("drift", self.drift, within="[0, inf)")
        check_number("position_bias", self.position_bias, within="[0, 1]")
        if self.pool is not None:
            check_number("pool", self.pool, within="[1, inf)", whole=True)


class Shop(World):
    """Shoppers of one shop.

    Attributes:
        items: What is on sale.
        shoppers: Who is in which place.
        clock: World time.
        fashion: (n_categories,): how much each category is in fashion, in log odds; hidden.
        offered: (n_users, n_candidates): shelves of the present candidates.
    """

    name: ClassVar[str] = "shop"
    recipe: ClassVar[Mapping[str, float]] = {"click": 0.1, "cart": 0.2, "purchase": 0.7}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    kpi: ClassVar[Kpi] = Kpi("conversion", "purchase", "episode")

    def __init__(
        self,
        n_users: int = 1,
        n_candidates: int = 10,
        n_slots: int = 3,
        settings: ShopSettings = ShopSettings(),
    ) -> None:
        """A shop with so many shoppers at once.

        Raises:
            WorldError: for sizes as in ``World``, or a pool smaller than ``n_candidates``.
        """
        super().__init__(n_users, n_candidates, n_slots)
        pool = max(SMALLEST_POOL, PER_CANDIDATE * n_candidates) if settings.pool is None else settings.pool
        self._settings = settings
        self._choice = PositionBased(Logistic(), tuple((1.0 - settings.position_bias) ** k for k in range(n_slots)))
        self.clock = Clock(settings.requests_per_day)
        self.items = Items(pool, n_candidates, stock=settings.stock * n_users)
        self.shoppers = Shoppers(n_users)
        self._viewed: Flags = np.zeros((n_users, pool), dtype=np.bool_)
        self._under_way = UnderWay(n_users)

    @property
    def shape(self) -> Shape:
        """Everything lies in [0, 1]; the response tells which carts and purchases of this very slate already show."""
        n_user, n_item = shop_shoppers.N_FEATURES, shop_items.N_FEATURES
        fields = dict.fromkeys(TYPES[CART:], (0.0, 1.0))
        return Shape((np.zeros(n_user), np.ones(n_user)), (np.zeros(n_item), np.ones(n_item)), fields)

    def seed(self, streams: Streams) -> None:
        """Midnight of the first day; nothing is in fashion."""
        self._streams = streams
        self.clock.restart()
        self.shoppers.restart()
        self.items.restart(streams.documents, self._settings.churn)
        self.fashion: Floats = np.zeros(len(CATEGORIES))
        self._viewed[:] = False

    def begin(self, places: Flags) -> None:
        """New shoppers, who have viewed nothing."""
        self.shoppers.begin(places, self._streams.users)
        self._under_way.begin(places)
        self._viewed[places] = False

    def offer(self) -> None:
        """Items drawn from the range; those already viewed come last."""
        keys = self._streams.documents.random(self._viewed.shape) + self._viewed
        self.offered: Indices = self.items.shelves.draw(keys)

    def observe(self) -> tuple[Observed, Observed]:
        """Moment and shopper; items."""
        items = self.items.observe(self.clock.now_h)[self.offered]
        return self.shoppers.observe(self.clock.hour).astype(np.float32), items.astype(np.float32)

    def funnel(self) -> Funnel:
        """The true funnel of all candidates, (n_users, n_candidates)."""
        return funnel(self.items, self.shoppers, self.offered, self.fashion)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """Look, view, decide, perhaps leave; what has arrived is told; then time goes on, unless nobody was there."""
        dice, shown = self._streams.choices, self.funnel().at(slates)
        clicks, chances = pick(self._choice, shown.view, dice)
        carts, purchases = bought(shown, clicks, dice.random((2, *clicks.shape)))
        leave = np.where(clicks.any(axis=1), LEAVE_VIEWED, LEAVE_IDLE)
        ended = self._streams.dynamics.random(self.n_users) < leave
        to_cart, to_purchase = pages_later(self._streams.dynamics.random((2, *clicks.shape)))
        self._under_way.add(CART, carts, to_cart)
        self._under_way.add(PURCHASE, purchases, to_cart + to_purchase)
        arrived = self._under_way.arrive(ended)
        shelves = np.take_along_axis(self.offered, slates, axis=1)
        self._remember(shelves, clicks)
        if active.any():
            self._move_on(shelves[purchases & active[:, np.newaxis]])
        return self._reaction(clicks, ended, chances.clicks, chances.nothing, arrived)

    def describe(self, place: int) -> Offer:
        """The page request of one shopper."""
        user, now_h = f"u{self.shoppers.serials[place]}", self.clock.now_h
        shelves = self.offered[place].tolist()
        actions = {self.items.id(shelf): self.items.describe(shelf, now_h) for shelf in shelves}
        return Offer(user, user, self.shoppers.describe(place, self.clock.hour), actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """Views and what shows at once, then what arrived from pages before."""
        now = {"click": reaction.clicks, **reaction.response}
        found = [(0, slot, name, 1.0) for name in TYPES for slot in np.flatnonzero(now[name][place]).tolist()]
        if reaction.delayed is not None:
            users, steps_ago, slots, types, values = reaction.delayed
            mine = np.flatnonzero(users == place).tolist()
            found += [(int(steps_ago[at]), int(slots[at]), TYPES[types[at]], float(values[at])) for at in mine]
        return found

    def myopic(self) -> Indices:
        """The items of the greatest expected reward, from the top down."""
        return top_slates(self.funnel().worth(tuple(self.recipe.values())), self.n_slots)

    def informed(self) -> Indices:
        """As ``myopic``: what is bought is what is viewed, and a view keeps the shopper."""
        return self.myopic()

    def _reaction(self, clicks: Flags, ended: Flags, chances: Floats, nothing: Floats, arrived: Arrived) -> Reaction:
        weights = np.array([self.recipe[name] for name in TYPES])
        rewards = weights[CLICK] * clicks.sum(axis=1)
        np.add.at(rewards, arrived.users, weights[arrived.types])
        response = {TYPES[kind]: arrived.now(kind, clicks.shape) for kind in (CART, PURCHASE)}
        return Reaction(clicks, rewards, ended, chances, nothing, response, arrived.late())

    def _remember(self, shelves: Indices, clicks: Flags) -> None:
        users, slots = np.nonzero(clicks)
        self._viewed[users, shelves[users, slots]] = True
        self.shoppers.viewed[users] = self.items.category[shelves[users, slots]]

    def _move_on(self, sold: Indices) -> None:
        day = self.clock.day
        self.clock.advance()
        now_h = self.clock.now_h
        if len(sold):
            self._viewed[:, self.items.sell(self._streams.documents, sold, now_h)] = False
        if self.clock.day > day:
            self._viewed[:, self.items.renew(self._streams.documents, self._settings.churn, now_h)] = False
            gain = self._streams.dynamics.normal(size=len(CATEGORIES))
            self.fashion = FASHION_KEPT * self.fashion + self._settings.drift * gain
