from __future__ import annotations

from agent.passed import PassedDecisions
from agent.records import StreamId
from tests.agent.fake_log import decision


def test_a_decision_is_found_until_two_windows_after_it_closed() -> None:
    passed = PassedDecisions()
    passed.add(StreamId(10, 3), decision("e", window_ms=100))
    passed.forget_before(310)
    assert (passed.close_of("e"), passed.close_of("f"), passed.oldest, len(passed)) == (110, None, (10, 3), 1)
    passed.forget_before(311)
    assert (passed.close_of("e"), passed.oldest, len(passed)) == (None, None, 0)


def test_a_long_window_keeps_those_behind_it() -> None:
    passed = PassedDecisions()
    passed.add(StreamId(10, 0), decision("long", window_ms=1000))
    passed.add(StreamId(11, 0), decision("short", window_ms=1))
    passed.forget_before(2000)
    assert (passed.close_of("short"), len(passed)) == (12, 2)


def test_the_newest_decision_of_an_id_outlives_the_oldest() -> None:
    passed = PassedDecisions()
    passed.add(StreamId(10, 0), decision("e", window_ms=1))
    passed.add(StreamId(10, 1), decision("e", window_ms=50))
    passed.forget_before(20)
    assert (passed.close_of("e"), len(passed)) == (60, 1)


def test_columns_are_compacted_and_positions_stay_right() -> None:
    passed = PassedDecisions()
    for ms in range(20_000):
        passed.add(StreamId(ms, 0), decision(f"e{ms}", window_ms=10))
        passed.forget_before(ms)
    assert passed.oldest == StreamId(19_969, 0)
    assert passed.close_of("e19999") == 20_009
    assert len(passed._mark) < 10_000
