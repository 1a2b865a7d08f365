"""The titles of the streaming world: what is live, what it is like, and how a new day renews it.

In: the days that begin. Out: arrays over the shelves of the live catalogue, and each title as a vector and as JSON. A
title is a series, so it may be watched again. Only the world knows its ``appeal``; the application knows a noisy
``rating``, and learns the rest from what is watched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.catalogue import Catalogue
from envs.clock import HOURS_PER_DAY
from envs.world import Floats, Indices, Observed

GENRES = ("comedy", "drama", "thriller", "documentary", "animation", "romance", "sport", "fantasy")

LENGTHS_MIN = (25.0, 40.0, 60.0)
"""The longest watch that a title of each length gives; equally frequent."""

MEAN_TEASER = 0.4
TEASING = (1.2, 1.8)
"""Beta distribution of how hard a title baits: mean ``MEAN_TEASER``, standard deviation 0.24."""

RATING_ERROR = 0.5
"""Standard deviation of the rating's error, in standard deviations of appeal."""

FRESH_DAYS = 4.0
"""Freshness falls to 1/e in so many days."""

OLDEST_DAYS = 60
"""Ages are told up to here."""

NEW_DAYS = 2
"""A title counts as new on its first so many days."""

N_FEATURES = len(GENRES) + 6

_ONE_HOT = np.eye(len(GENRES))


class Titles:
    """The live catalogue.

    Attributes:
        shelves: Which title stands where, since when.
        genre: (n_shelves,): index into ``GENRES``.
        appeal: (n_shelves,): what everyone likes in it, Normal(0, 1).
        teaser: (n_shelves,): how hard it baits, in [0, 1], to hundredths.
        length_min: (n_shelves,): one of ``LENGTHS_MIN``.
        rating: (n_shelves,): appeal as critics saw it, in stars from 1 to 5, to tenths, 3 for the average.
    """

    def __init__(self, n_shelves: int, n_candidates: int) -> None:
        """An empty catalogue; ``restart`` fills it.

        Raises:
            WorldError: if there are fewer titles than a request needs.
        """
        self.shelves = Catalogue(n_shelves, n_candidates)
        self.genre: Indices = np.zeros(n_shelves, dtype=np.intp)
        self.appeal: Floats = np.zeros(n_shelves)
        self.teaser: Floats = np.zeros(n_shelves)
        self.length_min: Floats = np.zeros(n_shelves)
        self.rating: Floats = np.zeros(n_shelves)

    def restart(self, dice: np.random.Generator, churn: int) -> None:
        """Titles that came before the world began, at the pace at which they will leave (one a day without churn)."""
        n = self.shelves.n_shelves
        self.shelves.restart(-np.ceil(np.arange(n, 0, -1) / max(churn, 1)) * HOURS_PER_DAY)
        self._draw(dice, np.arange(n))

    def renew(self, dice: np.random.Generator, n_new: int, now_h: float) -> None:
        """The oldest titles leave for as many new ones."""
        leaving = np.zeros(self.shelves.n_shelves, dtype=np.bool_)
        leaving[np.argsort(self.shelves.since_h, kind="stable")[:n_new]] = True
        self._draw(dice, self.shelves.replace(leaving, now_h))

    def age_days(self, now_h: float) -> Floats:
        """(n_shelves,), whole days."""
        return np.floor(self.shelves.age_h(now_h) / HOURS_PER_DAY + 1e-9)

    def freshness(self, now_h: float) -> Floats:
        """(n_shelves,): 1 on the day a title comes, then falling to 0."""
        return np.asarray(np.exp(-self.age_days(now_h) / FRESH_DAYS))

    def id(self, shelf: int) -> str:
        """The lasting name of the title on this shelf."""
        return f"t{self.shelves.serials[shelf]}"

    def observe(self, now_h: float) -> Observed:
        """(n_shelves, N_FEATURES), each in [0, 1]: genre, length, teaser, rating, freshness, age, whether new."""
        shares = (
            self.length_min / LENGTHS_MIN[-1],
            self.teaser,
            (self.rating - 1.0) / 4.0,
            self.freshness(now_h),
            np.minimum(self.age_days(now_h), OLDEST_DAYS) / OLDEST_DAYS,
            self.age_days(now_h) < NEW_DAYS,
        )
        return np.column_stack([_ONE_HOT[self.genre], *shares]).astype(np.float32)

    def describe(self, shelf: int, now_h: float) -> dict[str, Any]:
        """What an application knows of a title; it changes once a day."""
        age = int(self.age_days(now_h)[shelf])
        return {
            "genre": GENRES[self.genre[shelf]],
            "length_min": int(self.length_min[shelf]),
            "teaser": float(self.teaser[shelf]),
            "rating": float(self.rating[shelf]),
            "age_days": min(age, OLDEST_DAYS),
            "is_new": age < NEW_DAYS,
        }

    def _draw(self, dice: np.random.Generator, places: Indices) -> None:
        n = len(places)
        self.genre[places] = dice.integers(len(GENRES), size=n)
        self.appeal[places] = dice.normal(size=n)
        self.teaser[places] = np.round(dice.beta(*TEASING, size=n), 2)
        self.length_min[places] = dice.choice(LENGTHS_MIN, size=n)
        as_seen = self.appeal[places] + dice.normal(scale=RATING_ERROR, size=n)
        self.rating[places] = np.round(np.clip(3.0 + as_seen, 1.0, 5.0), 1)
