"""The head of the join: reads ahead of the tail and keeps what the tail will ask for.

In: every entry after the tail, in log order. Out: a decision's feedback, and whether the clock jumped in its window.
Session ends and the rest are not kept: the tail meets them itself.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from agent.clock_jumps import ClockWatch
from agent.records import Activation, Decision, Entry, Reward, StreamId


class _Feedback(NamedTuple):
    id: StreamId
    record: Reward | Activation


class _Jump(NamedTuple):
    id: StreamId
    before_ms: int
    """Stream time of the entry before it."""


class Head:
    """What lies between the tail and the farthest entry read.

    Attributes:
        position: The last entry gathered.
        closes: For each decision ahead of the tail, in log order, the last millisecond of its window.
        n_ahead: Entries gathered and not yet passed by the tail.
    """

    def __init__(self, position: StreamId, clock: ClockWatch) -> None:
        self.position = position
        self.closes: deque[int] = deque()
        self.n_ahead = 0
        self._clock = clock
        self._feedback: dict[str, deque[_Feedback]] = {}
        self._jumps: deque[_Jump] = deque()

    def gather(self, entry: Entry) -> None:
        """Move over the next entry."""
        id, record = entry
        if record is not None and self._clock.jumped(id.ms - record.clock_ms):
            self._jumps.append(_Jump(id, self.position.ms))
        if isinstance(record, Decision):
            self.closes.append(id.ms + record.window_ms)
        elif isinstance(record, Reward | Activation):
            self._feedback.setdefault(record.event_id, deque()).append(_Feedback(id, record))
        self.position = id
        self.n_ahead += 1

    def feedback(self, event_id: str, after: StreamId, until_ms: int) -> list[Reward | Activation]:
        """Feedback on this event that stands after its decision and not later than its window, in log order."""
        gathered = self._feedback.get(event_id, ())
        return [record for id, record in gathered if id > after and id.ms <= until_ms]

    def jumped_within(self, id: StreamId, close_ms: int) -> bool:
        """Whether the clock jumped after a decision and before another entry showed that its window had closed."""
        return any(jump.id > id and jump.before_ms <= close_ms for jump in self._jumps)

    def drop(self, entry: Entry) -> None:
        """The tail has passed this entry."""
        id, record = entry
        if isinstance(record, Decision):
            self.closes.popleft()
        elif isinstance(record, Reward | Activation):
            gathered = self._feedback[record.event_id]
            gathered.popleft()
            if not gathered:
                del self._feedback[record.event_id]
        while self._jumps and self._jumps[0].id <= id:
            self._jumps.popleft()
        self.n_ahead -= 1
