"""An event log in memory with a clock that only its owner moves: what a loop in this process writes and learns from.

In: records and the feature rows they name, in order. Out: entries by position, as ``agent.log_follower`` reads them.
What the learner has passed is forgotten, unless the whole log is to be kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from agent.records import ZERO, Entry, Record, StreamId

FORGET_AT = 10_000
"""Entries that were passed go in batches of at least so many."""


class MemoryLog:
    """One loop's log.

    Attributes:
        now_ms: The clock; it stamps the next entry.
        entries: Those still kept, in order.
    """

    def __init__(self, *, keeps_all: bool) -> None:
        self.now_ms = 0
        self.entries: list[Entry] = []
        self._ids: list[StreamId] = []
        self._keeps_all = keeps_all
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}
        self._named_young = ZERO

    def append(self, record: Record) -> StreamId:
        """Write one entry now; several at one instant are told apart by their sequence number."""
        last = self._ids[-1] if self._ids else ZERO
        id = StreamId(self.now_ms, 0) if self.now_ms > last.ms else StreamId(last.ms, last.seq + 1)
        self._ids.append(id)
        self.entries.append(Entry(id, record))
        return id

    def store(self, rows: Mapping[bytes, bytes]) -> None:
        """Keep the feature rows that an entry names: content address → canonical JSON."""
        self._young.update(rows)

    def read(self, after: StreamId, count: int) -> list[Entry]:
        """Up to ``count`` entries after a position; fewer only at the end."""
        start = bisect_right(self._ids, after)
        return self.entries[start : start + count]

    def rows(self, addresses: Iterable[bytes]) -> Mapping[bytes, bytes]:
        """Content address → feature row; missing where not stored."""
        young, old = self._young, self._old
        return {key: young[key] if key in young else old[key] for key in addresses if key in young or key in old}

    def forget(self, tail: StreamId) -> None:
        """Everything up to here was learned: let most of it go.

        A row goes once the learner has passed every entry that may have named it.
        """
        if self._keeps_all or len(self._ids) < FORGET_AT:
            return
        n_passed = bisect_right(self._ids, tail)
        if tail >= self._named_young and 2 * n_passed >= len(self._ids):
            self._old, self._young, self._named_young = self._young, {}, self._ids[-1]
            del self.entries[:n_passed]
            del self._ids[:n_passed]
