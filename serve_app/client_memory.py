"""Which loop each slate was asked of: what a client remembers, so that feedback finds the way without naming it.

In: the bodies of slate requests as they are sent. Out: an event id's loop, while it is remembered.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

N_REMEMBERED = 10_000
"""Events; the one asked longest ago is forgotten first."""


class AskedOf:
    """The loops of the latest events; may be shared by threads.

    Args:
        n_events: So many are remembered.
    """

    def __init__(self, n_events: int = N_REMEMBERED) -> None:
        self._n_events = n_events
        self._loops: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Slates are asked for; one that names no loop is the key's to place, so nothing is known of it."""
        with self._lock:
            for body in bodies:
                event_id, loop = body.get("event_id", ""), body.get("loop")
                self._loops.pop(event_id, None)
                if event_id and loop is not None:
                    self._loops[event_id] = loop
            while len(self._loops) > self._n_events:
                self._loops.popitem(last=False)

    def loop_of(self, event_id: str) -> str | None:
        """The loop that this event was last asked of, or None where it isn't remembered."""
        return self._loops.get(event_id)
