"""A writer's clock: the server's time when last read, plus the time since by this machine's own clock.

In: readings of the server's clock. Out: milliseconds that go on evenly when the server's clock jumps, so that an entry
written with them shows the jump (``agent/clock_jumps.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from agent.clock_jumps import JUMP_MS


class ServerClock:
    """Follows the server's clock through drift and not through jumps."""

    def __init__(self, server_ms: int, elapsed_ms: Callable[[], int]) -> None:
        """Begin with a reading.

        Args:
            server_ms: The server's clock now.
            elapsed_ms: This machine's monotonic clock.
        """
        self._elapsed_ms = elapsed_ms
        self._ahead_ms = server_ms - elapsed_ms()

    def now_ms(self) -> int:
        """The time."""
        return self._elapsed_ms() + self._ahead_ms

    def read(self, server_ms: int) -> None:
        """Take in another reading, unless it lies beyond what drift explains."""
        if abs(server_ms - self.now_ms()) <= JUMP_MS:
            self._ahead_ms = server_ms - self._elapsed_ms()

    def accept(self, server_ms: int) -> None:
        """Take in a reading whatever it is: an entry has shown the jump."""
        self._ahead_ms = server_ms - self._elapsed_ms()
