from __future__ import annotations

from agent.lately import SPAN_S, Lately

SPAN_MS = round(1000 * SPAN_S)


def test_only_what_grew_within_the_span_counts() -> None:
    found = Lately(0, 3)
    for minute in range(1, 31):
        found.mark(60_000 * minute, 3 + minute)
    assert found.grown(60_000 * 30) == SPAN_MS // 60_000
    assert found.grown(60_000 * 32) == SPAN_MS // 60_000 - 2


def test_what_was_there_before_it_was_followed_does_not_count() -> None:
    found = Lately(5_000, 40)
    assert found.grown(5_000) == 0
    found.mark(6_000, 42)
    assert found.grown(6_000) == 2


def test_what_grew_long_ago_does_not_count_however_close_to_the_last_mark() -> None:
    found = Lately(0, 0)
    found.mark(1_000, 9)
    assert found.grown(1_000 + SPAN_MS - 1) == 9
    assert found.grown(1_000 + SPAN_MS) == 0


def test_what_came_before_a_long_silence_is_not_lately_once_it_is_over() -> None:
    found, end_ms = Lately(0, 0), 100 * SPAN_MS
    for total in range(1, 51):
        found.mark(end_ms - 2 * SPAN_MS, total)
    found.mark(end_ms, 51)
    assert found.grown(end_ms) == 1


def test_few_marks_are_kept_however_many_come() -> None:
    found = Lately(0, 0)
    for ms in range(0, 3 * SPAN_MS, 500):
        found.mark(ms, ms)
    assert len(found._marks) <= SPAN_S / 9 + 2
