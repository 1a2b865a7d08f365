"""The items of the shop world: what is on sale, how many are left, and how a new day and a sale change it.

In: the days that begin, the units that are sold. Out: arrays over the shelves, and each item as JSON features. What
only the world knows of an item is its ``appeal``; of that the application knows a noisy ``rating``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from envs.catalogue import Catalogue
from envs.clock import HOURS_PER_DAY
from envs.world import Flags, Floats, Indices

CATEGORIES = ("shoes", "outdoor", "kitchen", "audio", "garden", "toys", "beauty", "books")
BRANDS = ("arbor", "brisk", "corvo", "dunlin", "ember", "fjord")
BANDS = ("low", "mid", "high")
BAND_FROM = (-math.inf, -0.43, 0.43)
"""Price levels from which a band counts: a third of all items each."""


APPEAL_SD = 0.4
RATING_MIDDLE, RATING_NOISE = 3.8, 0.7
"""A rating is the middle + appeal + so much noise, in stars: it tells a quarter of what appeal there is."""

PRICE_MIDDLE, PRICE_SPREAD = 40.0, 0.6
MOST_LEVEL = 3.0
MOST_PRICE = PRICE_MIDDLE * math.exp(PRICE_SPREAD * MOST_LEVEL)
OLDEST_DAYS = 60
"""Ages are told up to here."""

N_FEATURES = len(CATEGORIES) + len(BRANDS) + len(BANDS) + 4


class Items:
    """The range on sale.

    Attributes:
        category: (n_shelves,): index into ``CATEGORIES``.
        brand: (n_shelves,): index into ``BRANDS``.
        level: (n_shelves,): price level, standard normal within ``MOST_LEVEL``; a price is
            ``PRICE_MIDDLE * exp(PRICE_SPREAD * level)``, to cents.
        appeal: (n_shelves,): what everyone likes in it, in log odds.
        rating: (n_shelves,): stars from 1 to 5.
        units: (n_shelves,): left in stock.
    """

    def __init__(self, n_shelves: int, n_candidates: int, *, stock: float) -> None:
        """An empty range; ``restart`` fills it.

        Args:
            n_shelves: Items on sale at a time.
            n_candidates: How many of them a request needs.
            stock: Mean units of a new item, at least 1; may be infinite.

        Raises:
            WorldError: if there are fewer items than a request needs.
        """
        self.shelves = Catalogue(n_shelves, n_candidates)
        self._stock = stock
        self.category: Indices = np.zeros(n_shelves, dtype=np.intp)
        self.brand: Indices = np.zeros(n_shelves, dtype=np.intp)
        self.level, self.appeal, self.rating, self.units = (np.zeros(n_shelves) for _ in range(4))

    def restart(self, rng: np.random.Generator, churn: float) -> None:
        """Items that came one after the other at the pace at which they will go; within a month where none will."""
        n = self.shelves.n_shelves
        span_h = HOURS_PER_DAY * (n / churn if churn > 0.0 else 30.0)
        self.shelves.restart(-(np.arange(n, 0, -1) - 0.5) * span_h / n)
        self._draw(rng, np.arange(n))

    def renew(self, rng: np.random.Generator, n_new: int, now_h: float) -> Indices:
        """The oldest items go for as many new ones; on which shelves."""
        leaving: Flags = np.zeros(self.shelves.n_shelves, dtype=np.bool_)
        leaving[np.argsort(self.shelves.since_h, kind="stable")[:n_new]] = True
        return self._replace(rng, leaving, now_h)

    def sell(self, rng: np.random.Generator, sold: Indices, now_h: float) -> Indices:
        """Take a unit off for each shelf named in ``sold``; what is sold out goes for a new item; on which shelves."""
        np.subtract.at(self.units, sold, 1.0)
        return self._replace(rng, self.units <= 0.0, now_h)

    def observe(self, now_h: float) -> Floats:
        """(n_shelves, N_FEATURES): category, brand and band as one-hots; price, level, rating and age in [0, 1]."""
        return np.column_stack(
            [
                np.eye(len(CATEGORIES))[self.category],
                np.eye(len(BRANDS))[self.brand],
                np.eye(len(BANDS))[self.band],
                self.price / MOST_PRICE,
                (self.level / MOST_LEVEL + 1.0) / 2.0,
                (self.rating - 1.0) / 4.0,
                self._age_days(now_h) / OLDEST_DAYS,
            ]
        )

    @property
    def price(self) -> Floats:
        """(n_shelves,), to cents."""
        return np.round(PRICE_MIDDLE * np.exp(PRICE_SPREAD * self.level), 2)

    @property
    def band(self) -> Indices:
        """(n_shelves,): index into ``BANDS``."""
        found: Indices = np.searchsorted(BAND_FROM, self.level, side="right") - 1
        return found

    def describe(self, shelf: int, now_h: float) -> dict[str, Any]:
        """What an application knows of an item."""
        return {
            "category": CATEGORIES[self.category[shelf]],
            "brand": BRANDS[self.brand[shelf]],
            "price": float(self.price[shelf]),
            "price_band": BANDS[self.band[shelf]],
            "rating": float(self.rating[shelf]),
            "age_days": int(self._age_days(now_h)[shelf]),
        }

    def id(self, shelf: int) -> str:
        """The lasting name of the item on this shelf."""
        return f"p{self.shelves.serials[shelf]}"

    def _age_days(self, now_h: float) -> Floats:
        return np.minimum(self.shelves.age_h(now_h) // HOURS_PER_DAY, OLDEST_DAYS)

    def _replace(self, rng: np.random.Generator, leaving: Flags, now_h: float) -> Indices:
        shelves = self.shelves.replace(leaving, now_h)
        self._draw(rng, shelves)
        return shelves

    def _draw(self, rng: np.random.Generator, shelves: Indices) -> None:
        n = len(shelves)
        self.category[shelves] = rng.integers(len(CATEGORIES), size=n)
        self.brand[shelves] = rng.integers(len(BRANDS), size=n)
        self.level[shelves] = np.clip(rng.normal(size=n), -MOST_LEVEL, MOST_LEVEL)
        self.appeal[shelves] = rng.normal(scale=APPEAL_SD, size=n)
        stars = RATING_MIDDLE + self.appeal[shelves] + rng.normal(scale=RATING_NOISE, size=n)
        self.rating[shelves] = np.round(np.clip(stars, 1.0, 5.0), 1)
        self.units[shelves] = rng.geometric(1.0 / self._stock, size=n) if math.isfinite(self._stock) else math.inf
