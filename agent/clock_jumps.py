"""Finds the places in a log where the server's clock jumped, by comparing it with the writers' own clocks.

In: for each entry the difference between its stream time and its writer's clock. Out: whether the clock jumped there.

A writer takes the server's time when it connects and counts on by its monotonic clock, so its difference stays put
until the server's clock jumps (or the machine sleeps). Writers that connect after a jump agree with the server again
while older ones don't, so several differences may be in use at once; each is known until newer ones push it out.
"""

from __future__ import annotations

JUMP_MS = 5_000
"""A difference further than this from every known one is a jump."""

N_KNOWN = 8
"""How many differences are remembered."""


class ClockWatch:
    """Remembers the latest differences, most recently used last.

    >>> watch = ClockWatch()
    >>> [watch.jumped(ms) for ms in (3, 40, 3_600_040, 12, 3_600_050)]
    [False, False, True, False, False]
    """

    def __init__(self, known: tuple[int, ...] = ()) -> None:
        self._known = list(known)

    @property
    def known(self) -> tuple[int, ...]:
        """The differences, to go on from in another process."""
        return tuple(self._known)

    def jumped(self, difference_ms: int) -> bool:
        """Take in one entry's stream time less its writer's clock; the very first is never a jump.

        The nearest known difference follows slow drift: it becomes this one.
        """
        known = self._known
        jumped = bool(known)
        if known:
            nearest = min(range(len(known)), key=lambda i: abs(known[i] - difference_ms))
            if abs(known[nearest] - difference_ms) <= JUMP_MS:
                del known[nearest]
                jumped = False
        known.append(difference_ms)
        del known[:-N_KNOWN]
        return jumped
