"""What actions alone say of their rows z, kept by content address and derived features: a request then only multiplies.

In: actions. Out: for each the row z as it would be if each coordinate of the context were 1. For the encoder, which
multiplies these rows by what the context says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from policies.base import N_LOOP_DERIVED, Action
from policies.scales import Array

_N_KEPT = 4096

_Key = tuple[bytes, tuple[float, ...]]


class ActionHalves:
    """Rows of the actions met last."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Rows are of the past."""
        self._places: dict[_Key, int] = {}
        self._table = np.zeros((0, 0))

    def of(self, actions: Sequence[Action], make: Callable[[Sequence[Action]], Array]) -> Array:
        """Rows of actions, shape (n_actions, n_shared); the caller's own.

        Args:
            actions: Whose rows are wanted.
            make: Makes them, where not all are remembered; it is not kept, as nothing here may outlive a snapshot.
        """
        known = self._places
        try:
            places = [known[action.key, action.derived] for action in actions]
        except KeyError:
            return self._remembered(actions, make(actions))
        return self._table.take(places, axis=0) if places else make(actions)

    def _remembered(self, actions: Sequence[Action], rows: Array) -> Array:
        known = self._places
        fresh = {
            (action.key, action.derived): i
            for i, action in enumerate(actions)
            if _is_kept(action) and (action.key, action.derived) not in known
        }
        if fresh:
            self._keep(fresh, rows)
        return rows

    def _keep(self, fresh: dict[_Key, int], rows: Array) -> None:
        if len(self._places) + len(fresh) > _N_KEPT:
            self.forget()
        n = len(self._places)
        if n + len(fresh) > len(self._table):
            wider = np.zeros((max(64, 2 * (n + len(fresh))), rows.shape[1]))
            wider[:n] = self._table[:n] if n else wider[:n]
            self._table = wider
        self._table[n : n + len(fresh)] = rows[list(fresh.values())]
        self._places.update(zip(fresh, range(n, n + len(fresh)), strict=True))


def _is_kept(action: Action) -> bool:
    """Not what is told of one user: it would not be asked for again."""
    return bool(action.key) and not any(action.derived[N_LOOP_DERIVED:])
