"""What actions alone say of their rows z, kept by content address and derived features: a request then only multiplies.

In: actions. Out: for each the row z as it would be if each coordinate of the context were 1. For the encoder, which
multiplies these rows by what the context says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from policies.base import N_LOOP_DERIVED, Action
from policies.row_table import N_KEPT, RowTable
from policies.scales import Array

_Key = tuple[bytes, tuple[float, ...]]


class ActionHalves:
    """Rows of the actions met last."""

    def __init__(self, n_kept: int = N_KEPT) -> None:
        """Of so many actions, derived features included."""
        self._table = RowTable[_Key](n_kept)

    def forget(self) -> None:
        """Rows are of the past."""
        self._table.forget()

    def of(self, actions: Sequence[Action], make: Callable[[Sequence[Action]], Array]) -> Array:
        """Rows of actions, shape (n_actions, n_shared); the caller's own.

        Args:
            actions: Whose rows are wanted.
            make: Makes them, where not all are remembered; it is not kept, as nothing here may outlive a snapshot.
        """
        known = self._table.places
        try:
            places = [known[action.key, action.derived] for action in actions]
        except KeyError:
            return self._remembered(actions, make(actions))
        return self._table.rows.take(places, axis=0) if places else make(actions)

    def _remembered(self, actions: Sequence[Action], rows: Array) -> Array:
        known = self._table.places
        fresh = {
            (action.key, action.derived): i
            for i, action in enumerate(actions)
            if _is_kept(action) and (action.key, action.derived) not in known
        }
        if fresh:
            self._table.keep(fresh, rows)
        return rows


def _is_kept(action: Action) -> bool:
    """Not what is told of one user: it would not be asked for again."""
    return bool(action.key) and not any(action.derived[N_LOOP_DERIVED:])
