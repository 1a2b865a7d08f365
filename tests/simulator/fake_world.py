"""A world small enough to compute by hand: a user of one of two kinds, items of two kinds, purchases two steps late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from envs.world import Feedback, Flags, Indices, Kpi, Observed, Offer, Reaction, Shape, Streams, World

CLICK_IF_LIKED, CLICK_ELSE = 0.8, 0.1
BUY_DELAY = 2
N_STEPS = 6
SESSION_STEPS = 3


class FakeWorld(World):
    """Clicks what has the user's kind; every click in slot 0 is a purchase two steps later, if the user still looks.

    A session lasts three slates, a user six.
    """

    name: ClassVar[str] = "fake"
    recipe: ClassVar[Mapping[str, float]] = {"click": 1.0, "buy": 4.0}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 5.0)
    kpi: ClassVar[Kpi] = Kpi("purchases", "buy", "episode")

    def __init__(self, n_users: int = 1, n_candidates: int = 4, n_slots: int = 2) -> None:
        super().__init__(n_users, n_candidates, n_slots)
        self._number = -1

    @property
    def shape(self) -> Shape:
        one = (np.zeros(1), np.ones(1))
        return Shape(one, one)

    def seed(self, streams: Streams) -> None:
        self._streams = streams
        self._number = -1

    def begin(self, places: Flags) -> None:
        self._number += 1
        self._kind = int(self._streams.users.integers(2))
        self._step = 0
        self._buys: list[int] = []

    def offer(self) -> None:
        self._items = self._streams.documents.permutation(self.n_candidates)

    def observe(self) -> tuple[Observed, Observed]:
        kinds = (self._items % 2)[np.newaxis, :, np.newaxis]
        return np.full((1, 1), self._kind, dtype=np.float32), kinds.astype(np.float32)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        liked = self._items[slates] % 2 == self._kind
        chances = np.where(liked, CLICK_IF_LIKED, CLICK_ELSE)
        clicks = self._streams.choices.random(chances.shape) < chances
        due = [since for since in self._buys if self._step - since == BUY_DELAY]
        if clicks[0, 0]:
            self._buys.append(self._step)
        self._step += 1
        delayed = None
        if due:
            zero = np.zeros(1, dtype=np.intp)
            delayed = Feedback(zero, zero + BUY_DELAY, zero, zero + 1, np.ones(1))
        return Reaction(
            clicks=clicks,
            rewards=clicks.sum(axis=1) + 4.0 * len(due),
            ended=np.array([self._step == N_STEPS]),
            click_chances=chances,
            no_click_chance=np.prod(1.0 - chances, axis=1),
            response={},
            delayed=delayed,
        )

    def describe(self, place: int) -> Offer:
        session = f"u{self._number}-s{self._step // SESSION_STEPS}"
        actions = {f"i{item}": {"kind": "ab"[item % 2]} for item in self._items.tolist()}
        return Offer(f"u{self._number}", session, {"kind": "ab"[self._kind]}, actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        pieces = [(0, slot, "click", 1.0) for slot in np.flatnonzero(reaction.clicks[place]).tolist()]
        return pieces + ([] if reaction.delayed is None else [(BUY_DELAY, 0, "buy", 1.0)])

    def myopic(self) -> Indices:
        return np.argsort(self._items % 2 != self._kind, kind="stable")[np.newaxis, : self.n_slots]

    def informed(self) -> Indices:
        return self.myopic()
