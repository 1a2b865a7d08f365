"""What a view leads to later in a visit: carts and purchases under way, until they show or the visit ends.

In: what was decided when a shopper viewed an item, and with how many further pages it shows. Out: what shows now, and
how many pages ago its slate was shown. At the end of a visit all that is under way shows, so nothing is lost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.world import Feedback, Flags, Floats, Indices


class Arrived(NamedTuple):
    """What shows now, as columns of equal length.

    Attributes:
        users: Whose.
        steps_ago: How many pages before this one its slate was shown.
        slots: Slot of that slate.
        types: Index into the recipe's types.
    """

    users: Indices
    steps_ago: Indices
    slots: Indices
    types: Indices

    def now(self, kind: int, shape: tuple[int, ...]) -> Floats:
        """(n_users, n_slots): 1 where something of this type shows on the page it belongs to, else 0."""
        found = np.zeros(shape)
        at = (self.types == kind) & (self.steps_ago == 0)
        found[self.users[at], self.slots[at]] = 1.0
        return found

    def late(self) -> Feedback | None:
        """What belongs to pages before this one; None where nothing does."""
        at = self.steps_ago > 0
        if not at.any():
            return None
        return Feedback(self.users[at], self.steps_ago[at], self.slots[at], self.types[at], np.ones(at.sum()))


class UnderWay:
    """What has not shown yet, and the page each shopper is on."""

    def __init__(self, n_users: int) -> None:
        """Nothing, on page 0."""
        self._page: Indices = np.zeros(n_users, dtype=np.intp)
        self._events: Indices = np.zeros((5, 0), dtype=np.intp)

    def __len__(self) -> int:
        return len(self._events[0])

    def begin(self, places: Flags) -> None:
        """New shoppers in these places (n_users,); what was under way there goes with those who had it."""
        self._page[places] = 0
        self._events = self._events[:, ~places[self._events[0]]]

    def add(self, kind: int, decided: Flags, later: Indices) -> None:
        """Events of one type on the present page.

        Args:
            kind: Index into the recipe's types.
            decided: (n_users, n_slots), True where there is one.
            later: (n_users, n_slots): with how many further pages it shows.
        """
        users, slots = np.nonzero(decided)
        page = self._page[users]
        events = np.stack([users, slots, np.full(len(users), kind), page, page + later[users, slots]])
        self._events = np.concatenate([self._events, events], axis=1)

    def arrive(self, ended: Flags) -> Arrived:
        """Take out what shows with the present page, or with the end of the visit (n_users,); on to the next page."""
        users, slots, types, shown_at, due_at = self._events
        here = (due_at <= self._page[users]) | ended[users]
        ago = self._page[users] - shown_at
        self._events = self._events[:, ~here]
        self._page += 1
        return Arrived(users[here], ago[here], slots[here], types[here])
