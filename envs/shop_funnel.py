"""How a shopper of the shop world goes from a look at an item to a purchase: chances of view, cart and purchase.

In: items, shoppers, and what is offered to whom. Out: the chances of each step given the one before, exactly; and from
uniform numbers what happens, and after how many further pages it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from envs.attraction import Logistic
from envs.shop_items import Items
from envs.shop_shoppers import PHONE, Shoppers
from envs.world import Flags, Floats, Indices

VIEW, CART, PURCHASE = -2.5, -2.25, -0.9
PRICE_VIEW, PRICE_CART, PRICE_PURCHASE = 0.3, 0.8, 0.5
LIKING_CART, APPEAL_CART = 0.4, 0.6
SPENDS, ON_PHONE = 0.5, 0.4
BRAND = 0.8
AT_ONCE = 0.5
"""Chance that the next step of the funnel comes on this page rather than later; each later page has the same chance."""


class Funnel(NamedTuple):
    """What items do to shoppers, each (n_users, n_items).

    Attributes:
        view: Logit of the chance of a view, once looked at.
        cart: Chance of the cart, once viewed.
        purchase: Chance of the purchase, once in the cart.
    """

    view: Floats
    cart: Floats
    purchase: Floats

    def at(self, slates: Indices) -> Funnel:
        """The same for slates (n_users, n_slots) of indices into the items."""
        return Funnel(*(np.take_along_axis(values, slates, axis=1) for values in self))

    def worth(self, weights: Sequence[float]) -> Floats:
        """Expected reward of each item that is looked at, when view, cart and purchase weigh so much."""
        view, cart, purchase = weights
        return np.asarray(self.viewed * (view + self.cart * (cart + self.purchase * purchase)))

    @property
    def viewed(self) -> Floats:
        """Chance of a view, once looked at."""
        return Logistic()(self.view)


def funnel(items: Items, shoppers: Shoppers, offered: Indices, fashion: Floats) -> Funnel:
    """The funnel of what is offered.

    Args:
        items: What is on sale.
        shoppers: Who is offered it.
        offered: (n_users, n_items), shelves.
        fashion: (n_categories,), log odds.
    """
    category, appeal = items.category[offered], items.appeal[offered]
    own = np.take_along_axis(shoppers.taste, category, axis=1)
    liking = own + BRAND * (items.brand[offered] == shoppers.brand[:, np.newaxis])
    strain = shoppers.sensitivity[:, np.newaxis] * items.level[offered]
    means = SPENDS * shoppers.high_value - ON_PHONE * (shoppers.device == PHONE)
    certain = Logistic()
    return Funnel(
        VIEW + appeal + fashion[category] + liking - PRICE_VIEW * strain,
        certain(CART + APPEAL_CART * appeal + LIKING_CART * liking - PRICE_CART * strain),
        certain(PURCHASE + means[:, np.newaxis] - PRICE_PURCHASE * strain),
    )


def bought(chances: Funnel, clicks: Flags, uniforms: Floats) -> tuple[Flags, Flags]:
    """Which views lead to a cart, and which of these to a purchase; uniforms in [0, 1), (2, n_users, n_slots)."""
    carts: Flags = clicks & (uniforms[0] < chances.cart)
    purchases: Flags = carts & (uniforms[1] < chances.purchase)
    return carts, purchases


def pages_later(uniforms: Floats) -> Indices:
    """How many pages on something shows: 0 with chance ``AT_ONCE``, each further one as much less likely."""
    later: Indices = np.floor(np.log1p(-uniforms) / np.log1p(-AT_ONCE)).astype(np.intp)
    return later
