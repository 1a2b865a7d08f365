"""How much a count has grown lately, in stream time: totals only grow, people ask how things are now.

In: a total at a place in the log, again and again. Out: by how much it has grown in the last ten minutes of the log.
Nothing of it is state: it begins anew with the learner.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SPAN_S = 600.0
"""What counts as lately."""

_SPAN_MS = round(1000 * SPAN_S)
_STEP_MS = 10_000
"""About this far apart, which bounds how many there are."""


class _Mark(NamedTuple):
    at_ms: int
    total: int


class Lately:
    """A total's recent past.

    Args:
        at_ms: Stream time at which it is followed from.
        total: What it was then.
    """

    def __init__(self, at_ms: int, total: int) -> None:
        self._now = _Mark(at_ms, total)
        self._marks = deque([self._now])

    def mark(self, at_ms: int, total: int) -> None:
        """The total when an entry of this stream time has been passed."""
        if at_ms - self._marks[-1].at_ms >= _STEP_MS:
            self._marks.append(self._now)  # as it was until then, however long nothing came
        self._now = _Mark(at_ms, total)
        while len(self._marks) > 1 and self._marks[1].at_ms <= at_ms - _SPAN_MS:
            self._marks.popleft()

    def grown(self, now_ms: int) -> int:
        """By how much it grew in the span before a stream time no earlier than the last mark; exact to ten seconds."""
        since_ms = now_ms - _SPAN_MS
        if self._now.at_ms <= since_ms:
            return 0
        before = [mark.total for mark in self._marks if mark.at_ms <= since_ms]
        return self._now.total - (before[-1] if before else self._marks[0].total)
