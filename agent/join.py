"""The join: log entries in, experiences and session ends out, in stream time; pure, without clock or storage.

Two cursors follow one stream. ``Join.gather`` is the head: it reads on and remembers feedback. ``Join.advance`` is
the tail: each decision it reaches is joined with what the head has gathered, once its window has closed. Everything
that counts happens at the tail and depends only on the log up to it and the closed windows of its decisions, so a
learner that was killed and goes on from any earlier ``JoinState`` emits and counts exactly the same.

The rules
- A decision closes on the first entry strictly later than its time plus its own window. Decisions are emitted in
  log order: one with a long window holds back those behind it.
- A reward or activation counts iff it stands after its decision in the log, and not later than the window.
- A deferred decision without an activation that counts is ``inactive`` and not emitted; its rewards are not looked at.
- Within a decision, a reward is ``ignored`` if its type has no rule, ``refused`` if it names no slot of the slate (or
  none, on a slate of several) or makes no finite part, and a ``duplicate`` if its ``reward_id`` has counted before.
- Feedback that counted for no decision is ``late`` if the tail remembers its decision, else an ``orphan``.
- If the server's clock jumped within a window, silence in it means nothing: such a decision is emitted only if every
  slot has feedback of its own, else it is counted as ``clock_jump``.
- A session's end is emitted when the tail passes it, so after every experience that was decided before it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

import msgspec

from agent.clock_jumps import ClockWatch
from agent.join_head import Head
from agent.passed import PassedDecisions
from agent.recipe import RewardRecipe
from agent.records import ZERO, Activation, Decision, Ending, Entry, Experience, Reward, SessionEnd, StreamId


class Wait(enum.Enum):
    """The tail must wait: the decision is still open, or the head hasn't read this entry yet."""

    WAIT = "wait"


WAIT: Final = Wait.WAIT


class Counters(msgspec.Struct):
    """What became of feedback and decisions that taught nothing; advanced by the tail alone.

    Attributes:
        refused: Rewards and unreadable entries, by reason.
    """

    late: int = 0
    duplicate: int = 0
    orphan: int = 0
    inactive: int = 0
    ignored: int = 0
    clock_jump: int = 0
    refused: dict[str, int] = {}


class JoinState(msgspec.Struct, frozen=True):
    """All that a join needs to go on, apart from the log.

    Attributes:
        tail: The last entry passed.
        reread_from: The oldest decision remembered: entries from there to the tail go through ``Join.remember``.
        clock: Differences between stream time and writers' clocks known at the tail.
        n_entries: Entries passed since the log began, those deleted before they could be passed included.
    """

    tail: StreamId = ZERO
    reread_from: StreamId | None = None
    clock: tuple[int, ...] = ()
    counters: Counters = msgspec.field(default_factory=Counters)
    n_entries: int = 0


class Join:
    """One pass over one loop's log."""

    def __init__(self, recipe: RewardRecipe, state: JoinState | None = None) -> None:
        """Start at the log's beginning, or go on from a state (then ``remember`` before anything else)."""
        state = state or JoinState()
        self._recipe = recipe
        self._tail = state.tail
        self._clock = ClockWatch(state.clock)
        self._counters = msgspec.convert(msgspec.to_builtins(state.counters), Counters)
        self._n_entries = state.n_entries
        self._head = Head(state.tail, ClockWatch(state.clock))
        self._passed = PassedDecisions()

    @property
    def tail(self) -> StreamId:
        """The last entry passed."""
        return self._tail

    @property
    def head(self) -> StreamId:
        """The last entry gathered."""
        return self._head.position

    @property
    def n_gathered(self) -> int:
        """Entries gathered since the log began."""
        return self._n_entries + self._head.n_ahead

    @property
    def open_until_ms(self) -> int | None:
        """Last millisecond of the window of the next decision, or None if the head has seen none ahead."""
        return self._head.closes[0] if self._head.closes else None

    @property
    def n_open(self) -> int:
        """Decisions ahead of the tail whose window is still open."""
        return sum(close >= self.head.ms for close in self._head.closes)

    @property
    def n_ahead(self) -> int:
        """Decisions that the head has seen ahead of the tail, open or closed."""
        return len(self._head.closes)

    @property
    def n_orphans(self) -> int:
        """Feedback that the tail has passed and that was for no decision it remembers; without a copy of ``state``."""
        return self._counters.orphan

    def state(self) -> JoinState:
        """Where the tail is; unaffected by anything that happens later."""
        counters = msgspec.convert(msgspec.to_builtins(self._counters), Counters)
        return JoinState(self._tail, self._passed.oldest, self._clock.known, counters, self._n_entries)

    def remember(self, entry: Entry) -> None:
        """Take in an entry between ``reread_from`` and the tail, both included, after going on from a state."""
        if isinstance(entry.record, Decision):
            self._passed.add(entry.id, entry.record)

    def gather(self, entry: Entry) -> None:
        """Move the head over the next entry."""
        self._head.gather(entry)

    def advance(self, entry: Entry) -> Experience | Ending | Wait | None:
        """Move the tail over the next entry, unless it must wait.

        Returns:
            The experience that a decision became, a session's end, ``WAIT`` if nothing has moved, None for all else.
        """
        id, record = entry
        if id > self._head.position:
            return WAIT
        if isinstance(record, Decision) and self._head.position.ms <= id.ms + record.window_ms:
            return WAIT
        outcome: Experience | Ending | None = None
        if isinstance(record, Decision):
            outcome = self._emit(id, record)
        elif isinstance(record, SessionEnd):
            outcome = Ending(id, record.session)
        self._pass(entry)
        return outcome

    def _pass(self, entry: Entry) -> None:
        id, record = entry
        self._passed.forget_before(id.ms)
        if isinstance(record, Decision):
            self._passed.add(id, record)
        elif isinstance(record, Reward | Activation):
            self._count_missed(id, record.event_id)
        if record is None:
            self._refuse("entry that can't be read")
        else:
            self._clock.jumped(id.ms - record.clock_ms)
        self._head.drop(entry)
        self._tail = id
        self._n_entries += 1

    def _count_missed(self, id: StreamId, event_id: str) -> None:
        close = self._passed.close_of(event_id)
        if close is None:
            self._counters.orphan += 1
        elif id.ms > close:
            self._counters.late += 1

    def _emit(self, id: StreamId, decision: Decision) -> Experience | None:
        close = id.ms + decision.window_ms
        feedback = self._head.feedback(decision.event_id, id, close)
        if decision.deferred and not any(isinstance(record, Activation) for record in feedback):
            self._counters.inactive += 1
            return None
        parts = self._parts(decision, [record for record in feedback if isinstance(record, Reward)])
        if self._head.jumped_within(id, close) and not all(parts):
            self._counters.clock_jump += 1
            return None
        rewards = tuple(self._recipe.reward(of_slot) for of_slot in parts)
        return Experience(id, decision, rewards, sum(map(len, parts)), tuple(map(bool, parts)))

    def _parts(self, decision: Decision, rewards: Sequence[Reward]) -> list[list[float]]:
        parts: list[list[float]] = [[] for _ in decision.slots]
        counted: set[str] = set()
        for reward in rewards:
            if not self._recipe.knows(reward.type):
                self._counters.ignored += 1
                continue
            slot = _slot_of(decision, reward)
            part = self._recipe.part(reward.type, reward.value)
            if isinstance(slot, str) or not abs(part) < float("inf"):
                self._refuse(slot if isinstance(slot, str) else "value times weight is not finite")
            elif reward.reward_id is not None and reward.reward_id in counted:
                self._counters.duplicate += 1
            else:
                parts[slot].append(part)
                if reward.reward_id is not None:
                    counted.add(reward.reward_id)
        return parts

    def _refuse(self, reason: str) -> None:
        self._counters.refused[reason] = self._counters.refused.get(reason, 0) + 1


def _slot_of(decision: Decision, reward: Reward) -> int | str:
    """The 0-based number of the slot that this reward is for, or why it is for none."""
    if reward.action is not None:
        shown = [decision.action_ids[i] for i in decision.chosen]
        return shown.index(reward.action) if reward.action in shown else "action not in the slate"
    if isinstance(reward.slot, str):
        ids = [slot.id for slot in decision.slots]
        return ids.index(reward.slot) if reward.slot in ids else "no such slot"
    if reward.slot is not None:
        return reward.slot if 0 <= reward.slot < len(decision.slots) else "no such slot"
    return 0 if len(decision.slots) == 1 else "neither slot nor action named on a slate of several"
