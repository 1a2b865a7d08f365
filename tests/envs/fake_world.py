"""A world in which everything that happens is decided by the test."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from envs.world import Feedback, Flags, Floats, Indices, Kpi, Observed, Offer, Reaction, Shape, Streams, World


class FakeWorld(World):
    """Every shown slot is clicked and worth 1. Items are numbered in the order of offers; users in order of coming.

    Attributes:
        ends: Places that end at the next step.
        later: Feedback that arrives with the next step.
        calls: What was asked of the world, in order.
        shown: The slates of the last step.
        active: Who was shown one.
    """

    name = "fake"
    recipe: ClassVar[dict[str, float]] = {"click": 1.0}
    reward_range = (0.0, 1.0)
    kpi = Kpi("click rate", "click", "slate")

    def __init__(self, n_users: int, n_candidates: int = 4, n_slots: int = 2, *, max_steps: int | None = None) -> None:
        super().__init__(n_users, n_candidates, n_slots)
        self.max_steps = max_steps
        self.ends: list[int] = []
        self.later: Feedback | None = None
        self.calls: list[str] = []
        self.users = np.full(n_users, -1)
        self.n_users_so_far = self.n_offers = 0
        self.shown: Indices | None = None
        self.active: Flags | None = None

    @property
    def shape(self) -> Shape:
        return Shape((np.zeros(1), np.full(1, 1e6)), (np.zeros(1), np.full(1, 1e6)), {"worth": (0.0, 1.0)})

    def seed(self, streams: Streams) -> None:
        self.calls.append("seed")
        self.first_number = float(streams.users.random())

    def begin(self, places: Flags) -> None:
        self.calls.append(f"begin {np.flatnonzero(places).tolist()}")
        n_new = int(places.sum())
        self.users[places] = np.arange(self.n_users_so_far, self.n_users_so_far + n_new)
        self.n_users_so_far += n_new

    def offer(self) -> None:
        self.calls.append("offer")
        self.n_offers += 1

    def observe(self) -> tuple[Observed, Observed]:
        items = np.full((self.n_users, self.n_candidates, 1), self.n_offers, dtype=np.float32)
        return self.users[:, np.newaxis].astype(np.float32), items

    def react(self, slates: Indices, active: Flags) -> Reaction:
        self.calls.append("react")
        self.shown, self.active = slates.copy(), active.copy()
        ended = np.zeros(self.n_users, dtype=np.bool_)
        ended[self.ends] = True
        clicks = np.ones(slates.shape, dtype=np.bool_)
        certain: Floats = np.ones(slates.shape)
        return Reaction(
            clicks=clicks,
            rewards=clicks.sum(axis=1, dtype=np.float64),
            ended=ended,
            click_chances=certain,
            no_click_chance=np.zeros(self.n_users),
            response={"worth": certain.copy()},
            delayed=self.later,
        )

    def describe(self, place: int) -> Offer:
        return Offer(f"u{self.users[place]}", "s", {}, {str(number): {} for number in range(self.n_candidates)})

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        return [(0, slot, "click", 1.0) for slot in range(self.n_slots)]

    def myopic(self) -> Indices:
        return np.tile(np.arange(self.n_slots), (self.n_users, 1))

    informed = myopic
