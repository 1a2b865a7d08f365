from __future__ import annotations

from agent.counted import counted


def test_one_of_a_thing_is_written_as_one() -> None:
    assert [counted(n, "piece") for n in (0, 1, 2000)] == ["0 pieces", "1 piece", "2,000 pieces"]
    assert [counted(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]
