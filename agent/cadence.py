"""At most every so often: when something is due again, by a clock that is passed in."""

from __future__ import annotations

import math


class Cadence:
    """Due at once the first time, then ``every_s`` seconds after it was last done.

    >>> cadence = Cadence(2.0)
    >>> cadence.is_due(10.0)
    True
    >>> cadence.done(10.0)
    >>> cadence.is_due(11.9), cadence.is_due(12.0)
    (False, True)
    """

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self._last = -math.inf

    def is_due(self, now: float) -> bool:
        """Whether it is time again; ``now`` in seconds of any monotonic clock."""
        return now - self._last >= self.every_s

    def done(self, now: float) -> None:
        """It was done just now."""
        self._last = now
