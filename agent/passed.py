"""What the tail remembers of decisions it has passed, to tell late feedback from feedback to nothing.

In: each decision as the tail passes it. Out: when the decision of an event id closed, or that none is known.
Ids are kept as 8-byte hashes in flat arrays; two windows after a decision has closed it is forgotten.
What is remembered depends only on the log up to the tail, so it can be rebuilt by reading on from ``oldest``.
"""

from __future__ import annotations

import hashlib
from array import array

from agent.records import Decision, StreamId

N_WINDOWS_REMEMBERED = 2

_COMPACT_AT = 4096


class PassedDecisions:
    """A queue in log order with an index by event id; the newest decision of an id is the one that is found."""

    def __init__(self) -> None:
        self._ms, self._seq = array("Q"), array("Q")
        self._close, self._forget = array("Q"), array("Q")
        self._mark = array("Q")
        self._n_dropped = 0
        self._start = 0
        self._index: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._mark) - self._start

    @property
    def oldest(self) -> StreamId | None:
        """The first decision still remembered."""
        return StreamId(self._ms[self._start], self._seq[self._start]) if len(self) else None

    def add(self, id: StreamId, decision: Decision) -> None:
        """Remember a decision; they come in log order."""
        mark, close = _mark(decision.event_id), id.ms + decision.window_ms
        self._index[mark] = self._n_dropped + len(self._mark)
        self._ms.append(id.ms)
        self._seq.append(id.seq)
        self._close.append(close)
        self._forget.append(close + N_WINDOWS_REMEMBERED * decision.window_ms)
        self._mark.append(mark)

    def close_of(self, event_id: str) -> int | None:
        """Last stream millisecond of the window of this event's decision, or None if no decision is remembered."""
        at = self._index.get(_mark(event_id))
        return None if at is None else self._close[at - self._n_dropped]

    def forget_before(self, ms: int) -> None:
        """Stream time has reached ``ms``: forget, from the oldest on, those whose time of remembrance is over."""
        while self._start < len(self._mark) and self._forget[self._start] < ms:
            mark, at = self._mark[self._start], self._n_dropped + self._start
            if self._index.get(mark) == at:
                del self._index[mark]
            self._start += 1
        if self._start >= _COMPACT_AT:
            self._compact()

    def _compact(self) -> None:
        for column in (self._ms, self._seq, self._close, self._forget, self._mark):
            del column[: self._start]
        self._n_dropped += self._start
        self._start = 0


def _mark(event_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest(), "little")
