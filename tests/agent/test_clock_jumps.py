from __future__ import annotations

import pytest

from agent.clock_jumps import N_KNOWN, ClockWatch


@pytest.mark.parametrize(
    ("differences", "jumps"),
    [
        ([90_000, 90_000], [False, False]),  # whatever the first one is, it is the reference
        ([0, 5_000, 10_000], [False, False, False]),  # drift is followed
        ([0, 5_001], [False, True]),
        ([0, -5_001], [False, True]),
        ([0, 60_000, 3, 60_002, -4], [False, True, False, False, False]),  # writers from before and after the jump
        ([0, 60_000, 120_000], [False, True, True]),
    ],
)
def test_jumps(differences: list[int], jumps: list[bool]) -> None:
    watch = ClockWatch()
    assert [watch.jumped(ms) for ms in differences] == jumps


def test_it_goes_on_where_another_stopped() -> None:
    first = ClockWatch()
    first.jumped(0)
    first.jumped(60_000)
    assert not ClockWatch(first.known).jumped(1)
    assert ClockWatch(first.known).jumped(30_000)


def test_the_oldest_difference_is_forgotten() -> None:
    watch = ClockWatch()
    for number in range(N_KNOWN + 1):
        watch.jumped(number * 60_000)
    assert len(watch.known) == N_KNOWN
    assert watch.jumped(0)
