"""A world whose every number is known beforehand, for tests of what drives worlds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from envs.world import Flags, Indices, Kpi, Observed, Offer, Reaction, Shape, Streams, World


class TinyWorld(World):
    """The user who is the n-th to begin stays n + 1 steps; slot 0 is clicked in even steps, and earns 10.

    The quality of candidate ``i`` is ``i``. Each step also brings feedback ``visit`` of value 1, which earns 1.
    """

    name: ClassVar[str] = "tiny"
    recipe: ClassVar[Mapping[str, float]] = {"click": 10.0, "visit": 1.0}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 11.0)
    kpi: ClassVar[Kpi] = Kpi("visits", "visit", "episode")

    @property
    def shape(self) -> Shape:
        nothing = np.empty(0)
        return Shape((nothing, nothing), (nothing, nothing), {"quality": (0.0, 100.0)})

    def seed(self, streams: Streams) -> None:
        self.streams = streams
        self.n_begun = 0
        self.numbers = np.full(self.n_users, -1)
        self.steps = np.zeros(self.n_users, dtype=np.intp)
        self.log: list[str] = []

    def begin(self, places: Flags) -> None:
        self.log.append("begin " + "".join("x" if one else "." for one in places))
        n_new = int(places.sum())
        self.numbers[places] = self.n_begun + np.arange(n_new)
        self.n_begun += n_new
        self.steps[places] = 0

    def offer(self) -> None:
        self.log.append("offer")

    def observe(self) -> tuple[Observed, Observed]:
        nothing = np.empty((self.n_users, 0), dtype=np.float32)
        return nothing, np.empty((self.n_users, self.n_candidates, 0), dtype=np.float32)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        self.log.append("react " + "".join("x" if one else "." for one in active))
        clicks = np.zeros(slates.shape, dtype=np.bool_)
        clicks[:, 0] = self.steps % 2 == 0
        clicked = clicks[:, 0].astype(np.float64)
        self.steps += 1
        return Reaction(
            clicks=clicks,
            rewards=1.0 + 10.0 * clicked,
            ended=self.steps > self.numbers,
            click_chances=clicks.astype(np.float64),
            no_click_chance=1.0 - clicked,
            response={"quality": slates.astype(np.float64)},
        )

    def describe(self, place: int) -> Offer:
        actions: dict[str, dict[str, Any]] = {f"a{index}": {} for index in range(self.n_candidates)}
        return Offer(f"u{self.numbers[place]}", f"s{self.numbers[place]}", {}, actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        clicks = [(0, 0, "click", 1.0)] if reaction.clicks[place, 0] else []
        return [*clicks, (0, 0, "visit", 1.0)]

    def myopic(self) -> Indices:
        return np.tile(np.arange(self.n_slots), (self.n_users, 1))

    def informed(self) -> Indices:
        return self.myopic()
