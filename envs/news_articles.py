"""The articles of the news world: what is live, what it is about, and how an hour renews it.

In: the hours that begin. Out: arrays over the shelves of the live pool, and each article as JSON features. What
only the world knows of an article is its ``pull``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.catalogue import Catalogue
from envs.clock import HOURS_PER_DAY
from envs.world import Flags, Floats, Indices

TOPICS = ("politics", "business", "sport", "culture", "tech", "health", "local", "world")
LOCAL = TOPICS.index("local")
LOCATIONS = ("north", "south", "east", "west")

PULL_SD = 0.5
"""Headlines differ so much in log odds: the best of ten has about twice the odds of a middling one."""

WORDS = (200, 1600)
"""Shortest and longest article, uniform between."""

OLDEST_H = 96.0
"""Ages are told up to here; few articles live half as long."""

N_FEATURES = len(TOPICS) + len(LOCATIONS) + 2


class Articles:
    """The live pool.

    Attributes:
        topic: (n_shelves,): index into ``TOPICS``.
        place: (n_shelves,): for a local article an index into ``LOCATIONS``, else -1.
        pull: (n_shelves,): of the headline, in log odds.
        words: (n_shelves,)
    """

    def __init__(self, n_shelves: int, n_candidates: int) -> None:
        """An empty pool; ``restart`` fills it.

        Raises:
            WorldError: if there are fewer articles than a request needs.
        """
        self.shelves = Catalogue(n_shelves, n_candidates)
        self.topic: Indices = np.zeros(n_shelves, dtype=np.intp)
        self.place: Indices = np.zeros(n_shelves, dtype=np.intp)
        self.pull: Floats = np.zeros(n_shelves)
        self.words: Indices = np.zeros(n_shelves, dtype=np.intp)

    def restart(self, rng: np.random.Generator, churn: float) -> None:
        """Articles that came evenly at the pace at which they will go; within the last day where none will."""
        n = self.shelves.n_shelves
        span_h = n / churn if churn > 0.0 else HOURS_PER_DAY
        self.shelves.restart(-(np.arange(n, 0, -1) - 0.5) * span_h / n)
        self._draw(rng, np.arange(n))

    def arrive(self, rng: np.random.Generator, n_new: int, now_h: float) -> Indices:
        """Put new articles in the places of the oldest; on which shelves."""
        leaving: Flags = np.zeros(self.shelves.n_shelves, dtype=np.bool_)
        leaving[np.argsort(self.shelves.since_h, kind="stable")[:n_new]] = True
        shelves = self.shelves.replace(leaving, now_h)
        self._draw(rng, shelves)
        return shelves

    def observe(self, now_h: float) -> Floats:
        """(n_shelves, N_FEATURES): topic and place as one-hots, age and words scaled to [0, 1]."""
        age = self._told_age_h(now_h) / OLDEST_H
        words = (self.words - WORDS[0]) / (WORDS[1] - WORDS[0])
        about = np.arange(len(LOCATIONS)) == self.place[:, None]
        return np.column_stack([np.eye(len(TOPICS))[self.topic], about, age, words])

    def describe(self, shelf: int, now_h: float) -> dict[str, Any]:
        """What an application knows of an article."""
        place = int(self.place[shelf])
        return {
            "topic": TOPICS[self.topic[shelf]],
            "region": LOCATIONS[place] if place >= 0 else "all",
            "age_h": float(self._told_age_h(now_h)[shelf]),
            "words": int(self.words[shelf]),
        }

    def id(self, shelf: int) -> str:
        """The lasting name of the article on this shelf."""
        return f"a{self.shelves.serials[shelf]}"

    def _told_age_h(self, now_h: float) -> Floats:
        return np.minimum(self.shelves.age_h(now_h), OLDEST_H).round(1)

    def _draw(self, rng: np.random.Generator, shelves: Indices) -> None:
        n = len(shelves)
        self.topic[shelves] = rng.integers(len(TOPICS), size=n)
        place = rng.integers(len(LOCATIONS), size=n)
        self.place[shelves] = np.where(self.topic[shelves] == LOCAL, place, -1)
        self.pull[shelves] = rng.normal(scale=PULL_SD, size=n)
        self.words[shelves] = rng.integers(WORDS[0], WORDS[1], size=n, endpoint=True)
