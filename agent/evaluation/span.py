"""The experiences of a span of time, joined anew from the log; blocking, and never more than a window of it in memory.

In: a loop's log. Out: each decision made within the span whose reward window has closed, with its rewards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from agent.event_log import LogReader
from agent.join import WAIT, Join, JoinState
from agent.recipe import RewardRecipe
from agent.records import Entry, Experience, StreamId

BATCH = 1000
_LAST = 2**64 - 1


def experiences(log: LogReader, recipe: RewardRecipe, *, start_ms: int, end_ms: int) -> Iterator[Experience]:
    """Experiences of decisions made from ``start_ms`` to ``end_ms``, both included, in log order."""
    join = Join(recipe, JoinState(tail=StreamId(max(0, start_ms - 1), _LAST if start_ms > 0 else 0)))
    waiting: deque[Entry] = deque()
    while True:
        batch = log.read(join.head, BATCH)
        for entry in batch:
            join.gather(entry)
            waiting.append(entry)
        while waiting:
            id = waiting[0].id
            if id.ms > end_ms:
                return
            outcome = join.advance(waiting[0])
            if outcome is WAIT:
                break
            waiting.popleft()
            if isinstance(outcome, Experience):
                yield outcome
        if len(batch) < BATCH:
            return
