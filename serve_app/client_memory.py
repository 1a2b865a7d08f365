"""Which loop each slate was asked of: what a client remembers, so that feedback finds the way without naming it.

In: the bodies of slate requests as they are sent. Out: the loop of an event id or a session, while it is remembered.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

N_REMEMBERED = 10_000
"""Events, and as many sessions; the one asked for longest ago is forgotten first."""


class AskedOf:
    """The loops of the latest events and sessions; may be shared by threads.

    Args:
        n_each: So many of both are remembered.
    """

    def __init__(self, n_each: int = N_REMEMBERED) -> None:
        self._n_each = n_each
        self._events: OrderedDict[str, str] = OrderedDict()
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, bodies: Iterable[Mapping[str, Any]]) -> None:
        """Slates are asked for; one that names no loop is the key's to place, so nothing is known of it."""
        with self._lock:
            for body in bodies:
                self._keep(self._events, body.get("event_id"), body.get("loop"))
                self._keep(self._sessions, body.get("session"), body.get("loop"))

    def loop_of(self, event_id: str) -> str | None:
        """The loop that this event was last asked of, or None where it isn't remembered."""
        return self._events.get(event_id)

    def loop_of_session(self, session: str) -> str | None:
        """The loop that this session's latest slate was asked of, or None where it isn't remembered."""
        return self._sessions.get(session)

    def _keep(self, loops: OrderedDict[str, str], name: str | None, loop: str | None) -> None:
        if not name:
            return
        loops.pop(name, None)
        if loop is not None:
            loops[name] = loop
        if len(loops) > self._n_each:
            loops.popitem(last=False)
