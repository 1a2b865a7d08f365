"""Several worlds of one kind as one: more catalogues and more fashions to learn from than one world has.

In: a way to make a world. Out: a ``World`` of all their users, each world with dice of its own. An agent trained among
the hundred items of one catalogue learns these by heart; among many catalogues it has to learn what features mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from envs.world import Flags, Indices, Observed, Offer, Reaction, Shape, Streams, World


class ManyWorlds(World):
    """Users stand world by world.

    Attributes:
        worlds: All alike.
    """

    def __init__(self, make: Callable[[int], World], *, n_users: int, n_worlds: int) -> None:
        """So many users, dealt evenly.

        Args:
            make: A world for so many users, not seeded yet.
            n_users: In all.
            n_worlds: At most; no world is without users.
        """
        sizes = [len(part) for part in np.array_split(np.arange(n_users), min(n_worlds, n_users))]
        self.worlds = [make(size) for size in sizes]
        first, ends = self.worlds[0], np.cumsum(sizes).tolist()
        super().__init__(n_users, first.n_candidates, first.n_slots)
        self.max_steps = first.max_steps
        self._rows = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]

    @property
    def shape(self) -> Shape:
        """As of each."""
        return self.worlds[0].shape

    def seed(self, streams: Streams) -> None:
        """Begin all anew, each with dice of its own."""
        for world in self.worlds:
            world.seed(Streams.spawn(int(streams.users.integers(2**63))))

    def begin(self, places: Flags) -> None:
        """See ``World``."""
        for world, rows in self._each():
            if places[rows].any():
                world.begin(places[rows])

    def offer(self) -> None:
        """See ``World``."""
        for world in self.worlds:
            world.offer()

    def observe(self) -> tuple[Observed, Observed]:
        """See ``World``."""
        users, items = zip(*(world.observe() for world in self.worlds), strict=True)
        return np.concatenate(users), np.concatenate(items)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """See ``World``; feedback on earlier slates counts in the rewards and isn't told apart."""
        found = [world.react(slates[rows], active[rows]) for world, rows in self._each()]
        return Reaction(
            clicks=np.concatenate([one.clicks for one in found]),
            rewards=np.concatenate([one.rewards for one in found]),
            ended=np.concatenate([one.ended for one in found]),
            click_chances=np.concatenate([one.click_chances for one in found]),
            no_click_chance=np.concatenate([one.no_click_chance for one in found]),
            response={name: np.concatenate([one.response[name] for one in found]) for name in found[0].response},
        )

    def describe(self, place: int) -> Offer:
        """See ``World``; users of different worlds may have the same name."""
        world, inside = self._at(place)
        return world.describe(inside)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """Nothing: reactions of many worlds are for training, which reads rewards."""
        return []

    def myopic(self) -> Indices:
        """See ``World``."""
        return np.concatenate([world.myopic() for world in self.worlds])

    def informed(self) -> Indices:
        """See ``World``."""
        return np.concatenate([world.informed() for world in self.worlds])

    def _each(self) -> Iterator[tuple[World, slice]]:
        return zip(self.worlds, self._rows, strict=True)

    def _at(self, place: int) -> tuple[World, int]:
        for world, rows in self._each():
            if place < rows.stop:
                return world, place - rows.start
        raise IndexError(f"place={place}: there are {self.n_users} places")
