"""A log in memory with the reader's port, where a test says at which millisecond each entry lands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from agent.records import ZERO, Decision, Entry, Record, SlotRecord, StreamId


class FakeLog:
    """What ``LogReader`` reads, plus ``at``, which writes."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.stored: dict[bytes, bytes] = {}
        self.now_ms = 0

    def at(self, ms: int, *records: Record | None) -> StreamId:
        for record in records:
            last = self.last_id()
            id = StreamId(ms, 0) if ms > last.ms else StreamId(last.ms, last.seq + 1)
            self.entries.append(Entry(id, record))
        self.now_ms = max(self.now_ms, ms)
        return self.last_id()

    def read(self, after: StreamId, count: int) -> list[Entry]:
        start = bisect_right(self.entries, after, key=lambda entry: entry.id)
        return self.entries[start : start + count]

    def rows(self, addresses: Iterable[bytes]) -> dict[bytes, bytes]:
        return {key: self.stored[key] for key in addresses if key in self.stored}

    def last_id(self) -> StreamId:
        return self.entries[-1].id if self.entries else ZERO

    def n_entries(self) -> int:
        return len(self.entries)

    def server_ms(self) -> int:
        return self.now_ms


def decision(event_id: str, clock_ms: int = 0, *, n_slots: int = 1, window_ms: int = 100, **more: object) -> Decision:
    """A decision over the actions a, b, c, d that shows the first ``n_slots`` of them in the slots s0, s1, …"""
    ids = ("a", "b", "c", "d")
    values: dict[str, object] = {
        "variant": "learned",
        "policy": "uniform",
        "version": "",
        "seed": 1,
        "context": b"{}",
        "action_ids": ids,
        "feature_keys": b"k" * 12 * len(ids),
        "slots": tuple(SlotRecord(f"s{i}") for i in range(n_slots)),
        "chosen": tuple(range(n_slots)),
        "propensities": (0.25,) * n_slots,
    }
    return Decision(event_id, clock_ms, window_ms, **(values | more))  # type: ignore[arg-type]  # checked by the record
