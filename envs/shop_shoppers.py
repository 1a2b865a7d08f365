"""The shoppers of the shop world: what is seen of them, what they like, and what they can spend.

In: places where a new shopper comes in. Out: arrays over the places, and each shopper as JSON features. Kind, main
category, main brand and price sensitivity are the world's; the application knows a tier, an interest and a brand that
are right most of the time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.shop_items import BRANDS, CATEGORIES
from envs.world import Flags, Floats, Indices

DEVICES = ("phone", "desktop", "tablet")
PHONE = DEVICES.index("phone")
DEVICE_SHARES = (0.55, 0.35, 0.1)
TIERS = ("gold", "silver", "basic")
HIGH_VALUE_SHARE = 0.3
TIER_SHARES = ((0.05, 0.25, 0.7), (0.6, 0.3, 0.1))
"""Shares of ``TIERS`` among occasional shoppers, and among high-value ones."""

SENSITIVITY, SENSITIVITY_SD = (0.7, -0.5), 0.3
"""Mean log odds lost per price level by occasional shoppers, and by high-value ones, who like what is dear."""

OWN, OTHER, TASTE_SD = 1.8, -0.6, 0.4
"""Taste of the shopper's own category, of the others, and how much both vary, in log odds."""

INTEREST_RIGHT, BRAND_RIGHT = 0.8, 0.7
"""How often what the application believes is true; otherwise it is any category, any brand."""

N_FEATURES = 1 + len(DEVICES) + len(TIERS) + len(CATEGORIES) + len(BRANDS) + len(CATEGORIES)


class Shoppers:
    """Who is in which place.

    Attributes:
        high_value: (n_users,): whether the shopper spends freely; hidden.
        sensitivity: (n_users,): log odds lost per price level; hidden.
        taste: (n_users, n_categories): log odds; hidden.
        brand: (n_users,): the brand liked; hidden.
        device: (n_users,): index into ``DEVICES``.
        tier: (n_users,): index into ``TIERS``.
        interest: (n_users,): category the application believes in.
        known_brand: (n_users,): brand the application believes in.
        viewed: (n_users,): category of the item viewed last in this visit, -1 before the first.
        serials: (n_users,): the shopper's number.
    """

    def __init__(self, n_users: int) -> None:
        """Empty places."""
        self.high_value: Flags = np.zeros(n_users, dtype=np.bool_)
        self.sensitivity: Floats = np.zeros(n_users)
        self.taste: Floats = np.zeros((n_users, len(CATEGORIES)))
        self.brand: Indices = np.zeros(n_users, dtype=np.intp)
        self.device: Indices = np.zeros(n_users, dtype=np.intp)
        self.tier: Indices = np.zeros(n_users, dtype=np.intp)
        self.interest: Indices = np.zeros(n_users, dtype=np.intp)
        self.known_brand: Indices = np.zeros(n_users, dtype=np.intp)
        self.viewed: Indices = np.full(n_users, -1, dtype=np.intp)
        self.serials: Indices = np.zeros(n_users, dtype=np.intp)
        self._n_seen = 0

    def restart(self) -> None:
        """Count shoppers from 0 again."""
        self._n_seen = 0

    def begin(self, places: Flags, rng: np.random.Generator) -> None:
        """New shoppers in these places (n_users,)."""
        n = int(np.count_nonzero(places))
        high = rng.random(n) < HIGH_VALUE_SHARE
        self.high_value[places] = high
        self.sensitivity[places] = np.where(high, SENSITIVITY[1], SENSITIVITY[0]) + rng.normal(0.0, SENSITIVITY_SD, n)
        ends = np.cumsum(TIER_SHARES, axis=1)[high.astype(np.intp), :-1]
        self.tier[places] = (rng.random(n)[:, None] >= ends).sum(axis=1)
        self.device[places] = rng.choice(len(DEVICES), size=n, p=DEVICE_SHARES)
        self._like(places, n, rng)
        self.viewed[places] = -1
        self.serials[places] = self._n_seen + np.arange(n)
        self._n_seen += n

    def _like(self, places: Flags, n: int, rng: np.random.Generator) -> None:
        main = rng.integers(len(CATEGORIES), size=n)
        taste = OTHER + rng.normal(scale=TASTE_SD, size=(n, len(CATEGORIES)))
        taste[np.arange(n), main] += OWN - OTHER
        self.taste[places] = taste
        self.interest[places] = np.where(rng.random(n) < INTEREST_RIGHT, main, rng.integers(len(CATEGORIES), size=n))
        brand = rng.integers(len(BRANDS), size=n)
        self.brand[places] = brand
        self.known_brand[places] = np.where(rng.random(n) < BRAND_RIGHT, brand, rng.integers(len(BRANDS), size=n))

    def observe(self, hour: int) -> Floats:
        """(n_users, N_FEATURES): the hour scaled to [0, 1]; device, tier, interest, brand and last view as one-hots."""
        viewed = np.arange(len(CATEGORIES)) == self.viewed[:, None]
        return np.column_stack(
            [
                np.full(len(self.tier), hour / 23),
                np.eye(len(DEVICES))[self.device],
                np.eye(len(TIERS))[self.tier],
                np.eye(len(CATEGORIES))[self.interest],
                np.eye(len(BRANDS))[self.known_brand],
                viewed,
            ]
        )

    def describe(self, place: int, hour: int) -> dict[str, Any]:
        """What an application knows of the moment and the shopper."""
        viewed = int(self.viewed[place])
        return {
            "hour": hour,
            "device": DEVICES[self.device[place]],
            "viewed": CATEGORIES[viewed] if viewed >= 0 else "nothing",
            "user": {
                "tier": TIERS[self.tier[place]],
                "interest": CATEGORIES[self.interest[place]],
                "brand": BRANDS[self.known_brand[place]],
            },
        }
