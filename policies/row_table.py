"""Rows under keys, those met last: one array that grows and is forgotten all at once.

In: rows that were just made. Out: their places, from which the two memories of actions take many rows with one index.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np

from policies.scales import Array

Key = TypeVar("Key", bound=Hashable)

N_KEPT = 4096
"""Rows at most."""

_FIRST_ROOM = 64


class RowTable(Generic[Key]):
    """Forgetting all at once is cheap, rare, and needs no bookkeeping.

    Attributes:
        places: Key → place in ``rows``; to be read.
        rows: Shape (room, n_columns), float64; only the first ``len(places)`` mean something.
    """

    def __init__(self, n_kept: int = N_KEPT) -> None:
        """Room for so many rows, and for those of one request beyond."""
        self._n_kept = n_kept
        self.forget()

    def forget(self) -> None:
        """Rows are of the past."""
        self.places: dict[Key, int] = {}
        self.rows: Array = np.zeros((0, 0))

    def keep(self, fresh: dict[Key, int], rows: Array) -> None:
        """Remember rows; where there is no room, in place of all others.

        Args:
            fresh: Key, so far unknown → which of ``rows``.
            rows: Shape (n, n_columns); n_columns stays the same until it forgets.
        """
        if len(self.places) + len(fresh) > self._n_kept:
            self.forget()
        n = len(self.places)
        if n + len(fresh) > len(self.rows):
            wider = np.zeros((max(_FIRST_ROOM, 2 * (n + len(fresh))), rows.shape[1]))
            if n:
                wider[:n] = self.rows[:n]
            self.rows = wider
        self.rows[n : n + len(fresh)] = rows[list(fresh.values())]
        self.places.update(zip(fresh, range(n, n + len(fresh)), strict=True))
