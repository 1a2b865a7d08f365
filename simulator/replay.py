"""Recorded ratings as traffic: users who are offered ten films they really rated, and like what they really liked.

In: tens of films in a seeded order. Out: requests whose context holds only what rewards given earlier could tell, and
each slot's true reward.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from agent.loops import LoopSettings, PolicySettings, RewardSettings
from agent.recipe import BARE_TYPE
from envs.logged import Tastes
from envs.movielens import Film, Ten, film_features
from simulator.run import Course
from simulator.traffic import Ask, Piece, Reaction, Route

SLOTS = 3

LOOP_SETTINGS = LoopSettings(
    variants={"learned": 0.5, "popularity": 0.5}, sticky=False, reward=RewardSettings(window_s=1.0)
)
"""What the replay's loop is asked to be."""


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
            yield Ask(ten.user, {"taste": self._tastes[ten.user].features()}, actions, expected=ten.share_liked)

    def react(self, ask: Ask, shown: Sequence[str]) -> Reaction:
        """1 for each film this user rated 4 or more; only what was shown becomes known. Each ten is on its own."""
        pieces = []
        for slot, film_id in enumerate(shown):
            film, reward = self._offered[film_id]
            self._tastes[ask.user].learn(film, reward)
            pieces.append(Piece(0, slot, BARE_TYPE, reward))
        return Reaction(pieces, sum(piece.value for piece in pieces), ended=True)


def course(loop: str, tens: Sequence[Ten], *, policy: PolicySettings | None = None) -> Course:
    """The tens as a run against this loop.

    Args:
        loop: Where the requests go.
        tens: In the order in which they are asked.
        policy: What the learned arm is; None for what a new loop gets.
    """
    settings = LOOP_SETTINGS if policy is None else LOOP_SETTINGS.model_copy(update={"policy": policy})
    return Course(Route(loop, SLOTS), Replay(tens), settings, controls=("popularity",))
