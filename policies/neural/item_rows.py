"""Actions as a net wants them, kept by content address: most requests offer actions that were seen before.

In: actions. Out: float64 rows: all that can be computed of an item before a context is known. For replicas. Each row is
made by itself, so that it never depends on what else was offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from policies.base import Action
from policies.neural.dense import DenseEncoder
from policies.neural.forward import Floats
from policies.row_table import N_KEPT, RowTable
from policies.scales import Array


class ItemRows:
    """Rows of the actions met last."""

    def __init__(self, encoder: DenseEncoder, made: Callable[[Floats], Floats], *, n_kept: int = N_KEPT) -> None:
        """Of so many actions; ``made`` takes an action's vector (n_action,) to its row (n_columns,), always alike."""
        self._encoder, self._made = encoder, made
        self._n_columns = len(made(np.zeros(encoder.n_action)))
        self._table = RowTable[bytes](n_kept)

    def of(self, actions: Sequence[Action]) -> Array:
        """Shape (n_actions, n_columns)."""
        table = self._table
        try:
            places = [table.places[action.key] for action in actions]
        except KeyError:
            return self._met(actions)
        return table.rows.take(places, axis=0) if places else self._met(actions)

    def _met(self, actions: Sequence[Action]) -> Array:
        table, places = self._table, self._table.places
        rows = np.zeros((len(actions), self._n_columns))
        for i, action in enumerate(actions):
            place = places.get(action.key)
            rows[i] = self._row(action) if place is None else table.rows[place]
        fresh = {action.key: i for i, action in enumerate(actions) if action.key and action.key not in places}
        if fresh:
            table.keep(fresh, rows)
        return rows

    def _row(self, action: Action) -> Floats:
        return self._made(self._encoder.action(action).astype(np.float64))
