"""A slate as whoever asked for it gets it: from the service's client, or from an experiment in one process.

In: what was decided. Out: what to show, in order, and the id that its rewards carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Chosen(NamedTuple):
    """An action in its slot, and the probability with which it was chosen given the slots before, in (0, 1]."""

    id: str
    propensity: float


@dataclass(frozen=True, slots=True)
class Slate:
    """What to show, in order; give ``event_id`` back with the rewards."""

    event_id: str
    items: tuple[Chosen, ...]
    policy: str
    version: str
    variant: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The chosen actions' ids, in slot order."""
        return tuple([item.id for item in self.items])
