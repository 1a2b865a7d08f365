"""Recorded ratings as a world: users who are offered ten films they really rated, and like what they really liked.

In: tens of films in a seeded order. Out: requests whose context holds only what rewards given earlier could tell, and
each slot's true reward.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from agent.loops import LoopSettings, RewardSettings
from simulator.datasets import Film, Ten
from simulator.run import Course
from simulator.service import Features
from simulator.traffic import Ask, Route

SLOTS = 3

SHRINK = 2.0
"""So many imagined ratings pull a genre's rate towards the user's own mean."""

LOOP_SETTINGS = LoopSettings(
    variants={"learned": 0.5, "popularity": 0.5}, sticky=False, reward=RewardSettings(window_s=1.0)
)
"""What the replay's loop is asked to be."""


class Tastes:
    """What one user's rewards have told so far."""

    def __init__(self) -> None:
        self._shown: dict[str, float] = defaultdict(float)
        self._liked: dict[str, float] = defaultdict(float)
        self._n = 0
        self._n_liked = 0.0

    def learn(self, film: Film, reward: float) -> None:
        """Take in one reward that was given."""
        self._n += 1
        self._n_liked += reward
        for genre in film.genres:
            self._shown[genre] += 1.0
            self._liked[genre] += reward

    def features(self) -> dict[str, float]:
        """Genre → how much more often this user liked it than other films, shrunken; empty before the first reward."""
        mean = (self._n_liked + 0.5 * SHRINK) / (self._n + SHRINK)
        return {
            genre: round((self._liked[genre] + SHRINK * mean) / (n + SHRINK) - mean, 3)
            for genre, n in self._shown.items()
        }


class Replay:
    """The recorded users, in the order of their tens."""

    def __init__(self, tens: Sequence[Ten]) -> None:
        self._tens = tens
        self._tastes: dict[str, Tastes] = defaultdict(Tastes)
        self._offered: dict[str, tuple[Film, float]] = {}

    def asks(self) -> Iterator[Ask]:
        """One request for each ten."""
        for ten in self._tens:
            self._offered = {rating.film.id: (rating.film, float(rating.liked)) for rating in ten.ratings}
            actions = {rating.film.id: film_features(rating.film) for rating in ten.ratings}
            yield Ask(ten.user, {"taste": self._tastes[ten.user].features()}, actions, ten.share_liked)

    def react(self, ask: Ask, shown: Sequence[str]) -> list[float]:
        """1 for each film this user rated 4 or more; only what was shown becomes known."""
        rewards = []
        for film_id in shown:
            film, reward = self._offered[film_id]
            self._tastes[ask.user].learn(film, reward)
            rewards.append(reward)
        return rewards


def film_features(film: Film) -> Features:
    """What is known of a film: its genres, its year and its decade."""
    features: dict[str, Any] = {"genres": list(film.genres)}
    if film.year is not None:
        features |= {"year": film.year, "decade": f"{film.year // 10}0s"}
    return features


def course(loop: str, tens: Sequence[Ten]) -> Course:
    """The tens as a run against this loop."""
    return Course(Route(loop, SLOTS), Replay(tens), LOOP_SETTINGS, controls=("popularity",))
