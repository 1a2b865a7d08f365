from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.join import WAIT, Counters, Join, JoinState
from agent.loops import RewardSettings
from agent.recipe import RewardRecipe
from agent.records import Activation, Ending, Entry, Experience, Record, Reward, SessionEnd, StreamId, Tick
from tests.agent.fake_log import FakeLog, decision

RECIPE = RewardRecipe(
    RewardSettings.model_validate(
        {"aggregation": "sum", "max": 100, "default": 0.5, "recipe": {"click": {"weight": 2}}}
    )
)


def reward(event_id: str, value: float = 1.0, *, clock_ms: int = 0, **more: object) -> Reward:
    return Reward(event_id, clock_ms, value, **more)  # type: ignore[arg-type]  # a table of fields


def joined(*at: tuple[int, Record | None]) -> tuple[list[Experience], Counters]:
    """All experiences and counters of a log whose writers' clocks agree with the server's, closed by a late tick."""
    log = FakeLog()
    for ms, record in (*at, (1_000_000, Tick(0))):
        log.at(ms, _on_time(record, ms))
    return whole_pass(log)


def _on_time(record: Record | None, ms: int) -> Record | None:
    return None if record is None else msgspec.structs.replace(record, clock_ms=ms)


def whole_pass(log: FakeLog) -> tuple[list[Experience], Counters]:
    join = Join(RECIPE)
    for entry in log.entries:
        join.gather(entry)
    results = [join.advance(entry) for entry in log.entries]
    return [result for result in results if isinstance(result, Experience)], join.state().counters


def test_a_decision_becomes_an_experience_with_its_rewards_in_the_window() -> None:
    experiences, counters = joined((10, decision("e")), (10, reward("e", 2.0)), (110, reward("e", 3.0)))
    assert [(e.id, e.rewards, e.n_feedback, e.fed) for e in experiences] == [((10, 0), (5.0,), 2, (True,))]
    assert counters == Counters()


def test_a_reward_after_the_window_is_late_and_the_default_is_learned() -> None:
    experiences, counters = joined((10, decision("e")), (111, reward("e")))
    assert experiences[0].rewards == (0.5,)
    assert (experiences[0].n_feedback, experiences[0].fed) == (0, (False,))
    assert counters == Counters(late=1)


def test_a_reward_before_its_decision_does_not_count_even_in_the_same_millisecond() -> None:
    experiences, counters = joined((10, reward("e")), (10, decision("e")))
    assert experiences[0].rewards == (0.5,)
    assert counters == Counters(orphan=1)


def test_the_decision_is_remembered_for_two_windows_after_it_closed() -> None:
    _, counters = joined((10, decision("e")), (310, reward("e")), (311, reward("e")))
    assert counters == Counters(late=1, orphan=1)


def test_a_decision_waits_for_the_first_entry_strictly_later_than_its_window() -> None:
    log, join = FakeLog(), Join(RECIPE)
    log.at(10, decision("e", 10))
    log.at(110, Tick(110))
    log.at(111, Tick(111))
    served, at_the_end, after = log.entries
    assert join.advance(served) is WAIT
    join.gather(served)
    join.gather(at_the_end)
    assert (join.advance(served), join.n_open, join.n_ahead, join.open_until_ms) == (WAIT, 1, 1, 110)
    join.gather(after)
    assert (join.n_open, join.n_ahead) == (0, 1)
    assert isinstance(join.advance(served), Experience)
    assert (join.tail, join.head, join.open_until_ms) == ((10, 0), (111, 0), None)


def test_decisions_are_emitted_in_log_order_each_with_its_own_window() -> None:
    log, join = FakeLog(), Join(RECIPE)
    log.at(10, decision("long", 10, window_ms=100))
    log.at(20, decision("short", 20, window_ms=5))
    log.at(30, reward("short", clock_ms=30), Tick(30))
    for entry in log.entries:
        join.gather(entry)
    assert join.advance(log.entries[0]) is WAIT
    experiences, counters = joined(
        (10, decision("long", window_ms=100)), (20, decision("short", window_ms=5)), (30, reward("short"))
    )
    assert [e.decision.event_id for e in experiences] == ["long", "short"]
    assert counters == Counters(late=1)


def test_the_same_reward_id_counts_once_for_each_decision() -> None:
    experiences, counters = joined(
        (10, decision("e")),
        (10, decision("f")),
        (20, reward("e", 1.0, reward_id="r")),
        (21, reward("e", 1.0, reward_id="r")),
        (22, reward("f", 1.0, reward_id="r")),
        (23, reward("f", 1.0)),
        (24, reward("f", 1.0)),
    )
    assert [e.rewards for e in experiences] == [(1.0,), (3.0,)]
    assert counters == Counters(duplicate=1)


def test_a_refused_reward_may_be_sent_again_corrected_under_the_same_id() -> None:
    experiences, counters = joined(
        (10, decision("e", n_slots=2)),
        (20, reward("e", reward_id="r")),
        (21, reward("e", reward_id="r", slot=0)),
    )
    assert experiences[0].rewards == (1.0, 0.5)
    assert counters.refused == {"neither slot nor action named on a slate of several": 1}
    assert counters.duplicate == 0


@pytest.mark.parametrize("where", [{"slot": 1}, {"slot": "s1"}, {"action": "b"}])
def test_a_slot_is_named_by_number_id_or_action(where: dict[str, Any]) -> None:
    experiences, _ = joined((10, decision("e", n_slots=2)), (20, reward("e", **where)))
    assert experiences[0].rewards == (0.5, 1.0)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"slot": 2}, "no such slot"),
        ({"slot": -1}, "no such slot"),
        ({"slot": "s9"}, "no such slot"),
        ({"action": "d"}, "action not in the slate"),
        ({}, "neither slot nor action named on a slate of several"),
        ({"slot": 0, "type": "click", "value": 1e308}, "value times weight is not finite"),
    ],
)
def test_a_reward_for_no_slot_of_the_slate_is_refused(where: dict[str, Any], reason: str) -> None:
    experiences, counters = joined((10, decision("e", n_slots=2)), (20, reward("e", **where)))
    assert experiences[0].rewards == (0.5, 0.5)
    assert counters == Counters(refused={reason: 1})


def test_a_type_without_rule_is_ignored_and_others_follow_the_recipe() -> None:
    experiences, counters = joined(
        (10, decision("e")), (20, reward("e", 1.0, type="view")), (21, reward("e", 1.0, type="click"))
    )
    assert experiences[0].rewards == (2.0,)
    assert counters == Counters(ignored=1)


def test_a_deferred_decision_needs_an_activation_in_its_window() -> None:
    experiences, counters = joined(
        (10, decision("shown", deferred=True)),
        (11, decision("never", deferred=True)),
        (12, decision("too late", deferred=True)),
        (20, reward("never")),
        (30, reward("shown")),
        (40, Activation("shown", 0)),
        (41, Activation("shown", 0)),
        (113, Activation("too late", 0)),
        (113, Activation("unknown", 0)),
    )
    assert [(e.decision.event_id, e.rewards) for e in experiences] == [("shown", (1.0,))]
    assert counters == Counters(inactive=2, late=1, orphan=1)


def test_a_sessions_end_comes_after_all_that_was_decided_before_it() -> None:
    """Even where a window is open for long after it, and with rewards in between."""
    log, join = FakeLog(), Join(RECIPE)
    log.at(10, decision("e", 10, session="s"), SessionEnd("s", 10), reward("e", clock_ms=10))
    log.at(20, decision("f", 20, session="s"))
    log.at(110, SessionEnd("other", 110))
    first, end, feedback, second, _ = log.entries
    for entry in log.entries:
        join.gather(entry)
    assert join.advance(first) is WAIT
    log.at(111, Tick(111))
    join.gather(log.entries[-1])
    assert isinstance(join.advance(first), Experience)
    assert join.advance(end) == Ending(end.id, "s")
    assert join.advance(feedback) is None
    assert join.advance(second) is WAIT


def test_an_entry_that_cannot_be_read_moves_time_and_is_counted() -> None:
    log = FakeLog()
    log.at(10, decision("e", 10))
    log.at(111, None)
    experiences, counters = whole_pass(log)
    assert len(experiences) == 1
    assert counters == Counters(refused={"entry that can't be read": 1})


def test_what_was_gathered_for_no_decision_is_dropped_when_the_tail_passes_it() -> None:
    log, join = FakeLog(), Join(RECIPE)
    log.at(10, reward("nothing", clock_ms=10), Activation("nothing", 10), reward("nothing", clock_ms=10))
    for entry in log.entries:
        join.gather(entry)
    assert join.n_gathered == 3
    for entry in log.entries:
        assert join.advance(entry) is None
    assert join._head._feedback == {}
    assert (join.n_gathered, join.state().n_entries) == (3, 3)


HOUR = 3_600_000


def jump_log(*feedback: Reward) -> FakeLog:
    """A decision of two slots at 10, feedback at 20, and the server's clock an hour ahead from the next entry on."""
    log = FakeLog()
    log.at(5, Tick(5), decision("before", 5, window_ms=10))
    log.at(10, decision("across", 10, n_slots=2))
    log.at(20, *feedback)
    log.at(HOUR, Tick(30), decision("after", 31))
    log.at(HOUR + 200, Tick(231))
    return log


def test_silence_across_a_clock_jump_is_not_learned() -> None:
    experiences, counters = whole_pass(jump_log())
    # "before" was open too when the clock jumped: no entry after 15 ms had shown otherwise.
    assert [e.decision.event_id for e in experiences] == ["after"]
    assert counters == Counters(clock_jump=2)


def test_a_decision_closed_before_the_jump_is_learned() -> None:
    experiences, counters = whole_pass(jump_log(reward("across", slot=0, clock_ms=20)))
    assert [e.decision.event_id for e in experiences] == ["before", "after"]
    assert counters == Counters(clock_jump=1)


def test_feedback_on_every_slot_is_learned_across_a_jump() -> None:
    feedback = reward("across", slot=0, clock_ms=20), reward("across", slot=1, clock_ms=20)
    experiences, counters = whole_pass(jump_log(*feedback))
    assert [e.decision.event_id for e in experiences] == ["before", "across", "after"]
    assert counters == Counters()


# Any interleaving of reading, restarts and batch sizes gives what one uninterrupted pass gives.

ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 7, 40, 41, 130, 20_000]),  # milliseconds since the entry before
        st.booleans(),  # whether the writer's clock knows of the jumps of 20 s
        st.sampled_from("ddddrrrraten"),  # what is written
        st.sampled_from(["e0", "e1", "e2"]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=40,
)


def a_log(rows: Sequence[tuple[int, bool, str, str, int]]) -> FakeLog:
    log, ms, jumped_ms = FakeLog(), 1000, 0
    for gap_ms, knows, kind, event_id, n in rows:
        ms += gap_ms
        jumped_ms += gap_ms if gap_ms >= 20_000 else 0
        log.at(ms, a_record(kind, event_id, n, ms - jumped_ms * (not knows)))
    return log


def a_record(kind: str, event_id: str, n: int, clock_ms: int) -> Record | None:
    match kind:
        case "d":
            served = {"window_ms": (10, 40, 100, 100)[n], "n_slots": 1 + n % 2, "deferred": n == 1}
            return decision(event_id, clock_ms, **served)
        case "r":
            which = [(None, "reward", "r1"), (0, "reward", "r1"), (1, "click", None), (0, "view", None)]
            slot, type, reward_id = which[n]
            return Reward(event_id, clock_ms, 1.0, type, slot=slot, reward_id=reward_id)
        case "a":
            return Activation(event_id, clock_ms)
        case "t":
            return Tick(clock_ms)
        case "e":
            return SessionEnd("s", clock_ms)
    return None


class Crashing:
    """A join that can be killed: it goes on from its last checkpoint, and so do the experiences it gave."""

    def __init__(self, log: FakeLog) -> None:
        self.log, self.experiences = log, list[Experience | Ending]()
        self.join = Join(RECIPE)
        self.checkpoint()

    def checkpoint(self) -> None:
        self.saved = self.join.state(), len(self.experiences)

    def crash(self) -> None:
        state, n_experiences = self.saved
        del self.experiences[n_experiences:]
        self.join = Join(RECIPE, state)
        for entry in self.log.entries:
            if state.reread_from is not None and state.reread_from <= entry.id <= state.tail:
                self.join.remember(entry)

    def read(self, n_entries: int) -> None:
        for entry in self.log.read(self.join.head, n_entries):
            self.join.gather(entry)

    def advance(self, n_entries: int) -> None:
        for entry in self.log.read(self.join.tail, n_entries):
            result = self.join.advance(entry)
            if result is WAIT:
                return
            if isinstance(result, Experience | Ending):
                self.experiences.append(result)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["read", "advance"]), st.integers(1, 9)),
        st.tuples(st.sampled_from(["crash", "checkpoint"]), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, steps=STEPS)
def test_crashes_and_batch_sizes_change_nothing(rows: Any, steps: Sequence[tuple[str, int]]) -> None:
    log = a_log(rows)
    undisturbed = Crashing(log)
    undisturbed.read(10_000)
    undisturbed.advance(10_000)
    crashing = Crashing(log)
    for name, n_entries in steps:
        getattr(crashing, name)(*([n_entries] if n_entries else []))
    crashing.read(10_000)
    crashing.advance(10_000)
    at_every_entry = Crashing(log)
    for _ in log.entries:
        at_every_entry.read(10_000)
        at_every_entry.advance(1)
        at_every_entry.checkpoint()
        at_every_entry.crash()
    for run in (crashing, at_every_entry):
        assert run.experiences == undisturbed.experiences
        assert run.join.state() == undisturbed.join.state()


def test_such_logs_reach_every_counter() -> None:
    """Else the test above could not fail on them."""
    dice, seen = random.Random(1), set[str]()
    for _ in range(200):
        gaps, kinds = [0, 1, 7, 40, 41, 130], "ddddrrrraten"
        rows = [
            (dice.choice(gaps), True, dice.choice(kinds), dice.choice(["e0", "e1"]), dice.randrange(4))
            for _ in range(40)
        ]
        run = Crashing(a_log([*rows[:20], (20_000, False, "t", "", 0), *rows[20:]]))
        run.read(100)
        run.advance(100)
        counters = run.join.state().counters
        seen.update(name for name in counters.__struct_fields__ if getattr(counters, name))
    assert seen == set(Counters.__struct_fields__)


def test_a_state_is_unaffected_by_what_happens_later() -> None:
    log, join = FakeLog(), Join(RECIPE)
    state = join.state()
    log.at(10, reward("nothing", clock_ms=10))
    join.gather(log.entries[0])
    join.advance(log.entries[0])
    assert state == JoinState() != join.state()
    assert join.state().tail == StreamId(10, 0)


def test_orphans_are_told_as_the_state_counts_them_from_where_it_goes_on() -> None:
    join, told = Join(RECIPE, JoinState(counters=Counters(orphan=3))), []
    entries = [Entry(StreamId(ms, 0), reward("nobody", clock_ms=ms)) for ms in (1, 2)]
    for entry in entries:
        join.gather(entry)
    for entry in entries:
        join.advance(entry)
        told.append((join.n_orphans, join.state().counters.orphan))
    assert told == [(4, 4), (5, 5)]
