"""The bench of worlds counts right; how fast they are decides nothing here."""

from __future__ import annotations

import itertools
import json
import sys

import pytest

from benchmarks.worlds import N_AT_ONCE, N_RUNS, Speed, main, markdown, speed


def test_speed_is_user_steps_over_time() -> None:
    """A clock that moves one second per look: a run of three seconds looks three times, 16 steps each."""
    ticks = itertools.count()
    numbers: list[int] = []
    found = speed(numbers.append, 10, seconds=3.0, clock=lambda: float(next(ticks)))
    assert found == Speed(10.0 * N_AT_ONCE, 10.0 * N_AT_ONCE, 10.0 * N_AT_ONCE)
    assert numbers == [0, *list(range(3 * N_AT_ONCE)) * N_RUNS]


def test_the_median_run_counts() -> None:
    lengths = iter([1.0, 4.0, 2.0, 8.0, 16.0])
    looks = itertools.chain.from_iterable((0.0, length) for length in lengths)
    found = speed(lambda number: None, 1, seconds=0.5, clock=lambda: next(looks))
    assert found == Speed(N_AT_ONCE / 4.0, N_AT_ONCE / 16.0, N_AT_ONCE / 1.0)


def test_json_and_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--seconds", "0.001", "--json"])
    main()
    found = json.loads(capsys.readouterr().out)
    assert sorted(found) == ["machine", "single", "vector", "wrapped"]
    assert found["vector"]["slowest"] <= found["vector"]["per_s"] <= found["vector"]["fastest"]
    monkeypatch.setattr(sys, "argv", ["bench", "--seconds", "0.001"])
    main()
    assert "interest-evolution: user-steps/s" in capsys.readouterr().out


def test_the_table_by_hand() -> None:
    same = Speed(2_000_000.4, 1_000_000.0, 3_000_000.0)
    text = markdown("news", {"vector": same, "single": same, "wrapped": same})
    assert "| native vector environment, 1,024 users | 2,000,000 (1,000,000, 3,000,000) |" in text
