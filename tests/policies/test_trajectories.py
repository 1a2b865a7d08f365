from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.base import PolicyError
from policies.trajectories import Trajectories, Trajectory

GAP_MS = 1000
Event = tuple[str, str, int]
"""What happens ("step" or "end"), to which trajectory, at which millisecond."""


def fresh(*, most_steps: int = 5) -> Trajectories[int]:
    return Trajectories(gap_s=GAP_MS / 1000, most_steps=most_steps)


def happen(
    trajectories: Trajectories[int], events: Sequence[Event], first: int = 0, *, most_open: int = 1000
) -> list[Trajectory[int]]:
    """Steps are numbered by where they stand in the events; room is asked for where more of them are open."""
    over = []
    for number, (what, name, at_ms) in enumerate(events, first):
        took = trajectories.take(number, name, at_ms) if what == "step" else trajectories.end(name, at_ms)
        over.extend(took)
        while trajectories.n_open > most_open:
            over.extend(trajectories.make_room())
    return over


def steps(*at: tuple[str, int]) -> list[Event]:
    return [("step", name, at_ms) for name, at_ms in at]


def test_sessions_that_take_turns_come_apart() -> None:
    events = [*steps(("a", 0), ("b", 1), ("a", 2), ("b", 3)), ("end", "b", 4), ("end", "a", 5)]
    assert happen(fresh(), events) == [Trajectory("b", (1, 3)), Trajectory("a", (0, 2))]


def test_a_later_step_of_an_ended_session_begins_another_one() -> None:
    events = [*steps(("a", 0)), ("end", "a", 1), *steps(("a", 2)), ("end", "a", 3), ("end", "a", 4)]
    assert [one.steps for one in happen(fresh(), events)] == [(0,), (2,)]


def test_a_step_without_a_name_stands_for_itself() -> None:
    made = fresh()
    assert happen(made, steps(("", 0), ("", 0))) == [Trajectory("", (0,)), Trajectory("", (1,))]
    assert made.n_open == 0


def test_an_idle_session_is_over_strictly_after_the_gap() -> None:
    made = fresh()
    assert happen(made, steps(("a", 0), ("b", 10), ("a", GAP_MS))) == []
    assert made.wait(10 + GAP_MS) == []
    assert made.wait(11 + GAP_MS) == [Trajectory("b", (1,))]
    assert happen(made, steps(("a", 2 * GAP_MS + 1))) == [Trajectory("a", (0, 2))]
    assert made.n_open == 1


def test_a_session_that_never_ends_is_cut_and_knows_what_follows() -> None:
    made = fresh(most_steps=2)
    assert happen(made, steps(*[("a", at_ms) for at_ms in range(5)])) == [
        Trajectory("a", (0, 1), following=2),
        Trajectory("a", (2, 3), following=4),
    ]
    assert (made.n_open, made.n_cut, made.n_hurried) == (1, 2, 0)


def test_where_room_is_needed_the_longest_idle_is_over_and_counted() -> None:
    made = fresh()
    assert happen(made, steps(("a", 0), ("b", 1), ("a", 2), ("c", 3))) == []
    assert made.make_room() == [Trajectory("b", (1,))]
    assert (made.n_open, made.n_cut, made.n_hurried) == (3, 0, 1)


def test_nothing_is_over_where_nothing_is_open() -> None:
    made = fresh()
    assert made.make_room() == []
    assert made.n_hurried == 0


def test_names_are_counted_as_long_as_they_are_open() -> None:
    made = fresh()
    happen(made, steps(("é", 0), ("", 1), ("b", 2), ("é", 3)))
    both = made.n_name_bytes
    made.end("é", 4)
    alone = made.n_name_bytes
    made.end("b", 5)
    assert (both - 2 * alone, made.n_name_bytes) == (1, 0)


@pytest.mark.parametrize("data", [b"", b"\x94\x03\x00\x00\x90", b"\x94\x02\x00\x00\xa1a", b"nonsense"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        fresh().restore(data, int.from_bytes)


GAPS = st.sampled_from([0, 1, 300, GAP_MS, GAP_MS + 1])
EVENTS = st.lists(
    st.tuples(st.sampled_from(["step", "step", "step", "end"]), st.sampled_from("abc"), GAPS), max_size=60
)


def in_time(drawn: Sequence[tuple[str, str, int]]) -> list[Event]:
    now, events = 0, []
    for what, name, gap_ms in drawn:
        now += gap_ms
        events.append((what, name, now))
    return events


def everything(
    trajectories: Trajectories[int], events: Sequence[Event], most_open: int = 1000
) -> list[Trajectory[int]]:
    """With all that is open at the end, which ends then."""
    return [*happen(trajectories, events, most_open=most_open), *trajectories.wait(10**12)]


@settings(max_examples=200, deadline=None)
@given(drawn=EVENTS)
def test_any_interleaving_gives_what_each_session_gives_alone(drawn: Any) -> None:
    events = in_time(drawn)
    together = everything(fresh(), events)
    for name in "abc":
        own = [(number, event) for number, event in enumerate(events) if event[1] == name]
        alone = fresh()
        found = [one for number, event in own for one in happen(alone, [event], number)]
        assert [*found, *alone.wait(10**12)] == [one for one in together if one.name == name]


@settings(max_examples=200, deadline=None)
@given(drawn=EVENTS, most_open=st.integers(1, 9))
def test_each_step_ends_up_in_one_trajectory_in_order(drawn: Any, most_open: int) -> None:
    events = in_time(drawn)
    over = everything(fresh(), events, most_open)
    for name in "abc":
        found = [step for one in over if one.name == name for step in one.steps]
        assert found == [number for number, event in enumerate(events) if event[:2] == ("step", name)]


@settings(max_examples=200, deadline=None)
@given(drawn=EVENTS, most_open=st.integers(1, 9), places=st.sets(st.integers(0, 60)))
def test_saved_and_restored_anywhere_it_goes_on_the_same(drawn: Any, most_open: int, places: set[int]) -> None:
    events = in_time(drawn)
    whole, parts, found = fresh(), fresh(), []
    for number, event in enumerate(events):
        if number in places:
            saved = parts.to_bytes(lambda step: step.to_bytes(4))
            parts = fresh()
            parts.restore(saved, int.from_bytes)
        found += happen(parts, [event], number, most_open=most_open)
    assert found == happen(whole, events, most_open=most_open)
    assert parts.to_bytes(lambda step: step.to_bytes(4)) == whole.to_bytes(lambda step: step.to_bytes(4))
    counted = [(one.n_cut, one.n_hurried, one.n_open, one.n_name_bytes) for one in (parts, whole)]
    assert counted[0] == counted[1]
