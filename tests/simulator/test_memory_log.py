from __future__ import annotations

import pytest

from agent.records import ZERO, StreamId, Tick
from simulator import memory_log
from simulator.memory_log import MemoryLog


def filled(log: MemoryLog, n: int) -> MemoryLog:
    for _ in range(n):
        log.now_ms += 10
        log.store({b"row%d" % log.now_ms: b"{}"})
        log.append(Tick(log.now_ms))
    return log


def test_entries_are_read_on_from_a_position() -> None:
    log = filled(MemoryLog(keeps_all=True), 5)
    assert [entry.id.ms for entry in log.read(ZERO, 3)] == [10, 20, 30]
    assert [entry.id.ms for entry in log.read(StreamId(30, 0), 10)] == [40, 50]
    assert log.read(StreamId(50, 0), 10) == []


def test_entries_of_one_instant_keep_their_order() -> None:
    log = filled(MemoryLog(keeps_all=True), 1)
    assert [log.append(Tick(n)) for n in range(2)] == [StreamId(10, 1), StreamId(10, 2)]
    assert [entry.record for entry in log.read(StreamId(10, 0), 10)] == [Tick(0), Tick(1)]


def test_rows_that_are_not_stored_are_missing() -> None:
    log = filled(MemoryLog(keeps_all=True), 1)
    assert log.rows([b"row10", b"other"]) == {b"row10": b"{}"}


def test_what_was_passed_goes_and_what_is_ahead_keeps_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_log, "FORGET_AT", 10)
    log = MemoryLog(keeps_all=False)
    for _ in range(200):
        filled(log, 1)
        tail = StreamId(max(0, log.now_ms - 40), 0)
        log.forget(tail)
        ahead = [log.now_ms - 10 * n for n in range(4) if log.now_ms - 10 * n > 0]
        assert [entry.id.ms for entry in log.read(tail, 10)] == sorted(ahead)
        assert len(log.rows([b"row%d" % ms for ms in ahead])) == len(ahead)
    assert len(log.entries) <= 10
    assert len(log.rows([b"row%d" % ms for ms in range(0, 2001, 10)])) < 30


def test_a_whole_log_keeps_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_log, "FORGET_AT", 10)
    log = filled(MemoryLog(keeps_all=True), 50)
    log.forget(StreamId(400, 0))
    assert len(log.entries) == 50
