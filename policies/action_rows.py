"""What the features of actions say as rows, kept by content address: most requests offer actions seen before.

In: actions. Out: rows, from memory where they are known. For the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policies.base import Action
from policies.entries import Entries, entries
from policies.scales import Array
from policies.vocabulary import Vocabulary

_N_KEPT = 4096


class ActionRows:
    """Rows and entries of the actions met last; forgetting all at once is cheap, rare, and needs no bookkeeping."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Entries] = {}
        self.forget()

    def forget(self) -> None:
        """Rows are of the past: the vocabulary or its scaling has moved."""
        self._places: dict[bytes, int] = {}
        self._table = np.zeros((0, 0))

    def entries(self, action: Action) -> Entries:
        """An action's features, taken apart."""
        found = self._entries.get(action.key) if action.key else None
        if found is None:
            found = entries(action.features)
            if action.key:
                if len(self._entries) >= _N_KEPT:
                    self._entries.clear()
                self._entries[action.key] = found
        return found

    def of(self, actions: Sequence[Action], vocabulary: Vocabulary) -> Array:
        """Rows of actions, shape (n_actions, len(vocabulary))."""
        known = self._places
        places = [known.get(action.key, -1) for action in actions]
        if -1 not in places and places:
            return self._table[places]
        rows = np.zeros((len(actions), len(vocabulary)))
        for i, (place, action) in enumerate(zip(places, actions, strict=True)):
            rows[i] = self._table[place] if place >= 0 else vocabulary.vector(self.entries(action))
        fresh = {action.key: i for i, action in enumerate(actions) if places[i] < 0 and action.key}
        if fresh:
            self._keep(fresh, rows)
        return rows

    def _keep(self, fresh: dict[bytes, int], rows: Array) -> None:
        if len(self._places) + len(fresh) > _N_KEPT:
            self.forget()
        n = len(self._places)
        if n + len(fresh) > len(self._table):
            wider = np.zeros((max(64, 2 * (n + len(fresh))), rows.shape[1]))
            wider[:n] = self._table[:n] if n else wider[:n]
            self._table = wider
        self._table[n : n + len(fresh)] = rows[list(fresh.values())]
        self._places.update(zip(fresh, range(n, n + len(fresh)), strict=True))
