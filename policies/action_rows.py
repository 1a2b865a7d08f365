"""What the features of actions say as rows, kept by content address: most requests offer actions seen before.

In: actions. Out: rows, from memory where they are known. For the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.base import Action
from policies.entries import Entries, entries
from policies.row_table import N_KEPT, RowTable
from policies.scales import Array
from policies.vocabulary import Vocabulary


class ActionRows:
    """Rows and entries of the actions met last."""

    def __init__(self, n_kept: int = N_KEPT) -> None:
        """Of so many actions."""
        self._n_kept = n_kept
        self._entries: dict[bytes, Entries] = {}
        self._table = RowTable[bytes](n_kept)

    def forget(self) -> None:
        """Rows are of the past: the vocabulary or its scaling has moved."""
        self._table.forget()

    def entries(self, action: Action) -> Entries:
        """An action's features, taken apart."""
        found = self._entries.get(action.key) if action.key else None
        if found is None:
            found = entries(action.features)
            if action.key:
                if len(self._entries) >= self._n_kept:
                    self._entries.clear()
                self._entries[action.key] = found
        return found

    def of(self, actions: Sequence[Action], vocabulary: Vocabulary) -> Array:
        """Rows of actions, shape (n_actions, len(vocabulary))."""
        table = self._table
        places = [table.places.get(action.key, -1) for action in actions]
        if -1 not in places and places:
            return table.rows[places]
        rows = np.zeros((len(actions), len(vocabulary)))
        for i, (place, action) in enumerate(zip(places, actions, strict=True)):
            rows[i] = table.rows[place] if place >= 0 else vocabulary.vector(self.entries(action))
        fresh = {action.key: i for i, action in enumerate(actions) if places[i] < 0 and action.key}
        if fresh:
            table.keep(fresh, rows)
        return rows
