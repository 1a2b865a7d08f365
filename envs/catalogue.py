"""A catalogue of lasting items whose membership changes, on shelves of fixed size: what leaves is replaced.

In: which shelves are emptied, and when. Out: the serial number and the age of what stands on each, and candidates drawn
from them for each request. So arrays over items never change their shape, and an id never means two items.
"""

from __future__ import annotations

import numpy as np

from envs.world import Flags, Floats, Indices, WorldError


class Catalogue:
    """Which item stands on which shelf.

    Attributes:
        serials: (n_shelves,): number of the item, unique for the life of the world.
        since_h: (n_shelves,): when it came, in hours since the world began.
    """

    def __init__(self, n_shelves: int, n_candidates: int) -> None:
        """An empty catalogue; ``restart`` fills it.

        Raises:
            WorldError: if there are fewer items than a request needs.
        """
        if n_shelves < n_candidates:
            raise WorldError(f"pool={n_shelves} can't give num_candidates={n_candidates}; enlarge it")
        self.n_shelves, self._n_candidates = n_shelves, n_candidates
        self.restart(np.zeros(n_shelves))

    def restart(self, since_h: Floats) -> None:
        """Fill every shelf with items 0, 1, …, that came at these times (before the world's beginning: below 0)."""
        self.serials: Indices = np.arange(self.n_shelves)
        self.since_h: Floats = np.array(since_h, dtype=np.float64)
        self._n_seen = self.n_shelves

    def replace(self, shelves: Flags, now_h: float) -> Indices:
        """Put a new item on each of these shelves (n_shelves,); which shelves they were."""
        places = np.flatnonzero(shelves)
        self.serials[places] = self._n_seen + np.arange(len(places))
        self.since_h[places] = now_h
        self._n_seen += len(places)
        return places

    def age_h(self, now_h: float) -> Floats:
        """(n_shelves,): how long each item has been here."""
        return now_h - self.since_h

    def draw(self, keys: Floats) -> Indices:
        """Candidates of each request: the shelves of the smallest keys, in the order of the keys.

        Args:
            keys: (n_users, n_shelves); independent uniform keys make every choice without repeats equally likely, and
                adding 1 to a key puts its item behind all others.

        Returns:
            (n_users, n_candidates), shelves.
        """
        n = self._n_candidates
        few = np.argpartition(keys, n - 1, axis=1)[:, :n] if n < self.n_shelves else np.argsort(keys, axis=1)
        order = np.argsort(np.take_along_axis(keys, few, axis=1), axis=1)
        drawn: Indices = np.take_along_axis(few, order, axis=1)
        return drawn
