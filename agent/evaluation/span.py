"""The experiences and session ends of a span of time, joined anew from the log; blocking, with a window in memory.

In: a loop's log. Out: each decision made within the span whose reward window has closed, with its rewards, and where
sessions ended. The log is read twice, by the head and a window behind it by the tail, so that no decision is held while
it waits.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.event_log import LogReader
from agent.join import WAIT, Join, JoinState
from agent.recipe import RewardRecipe
from agent.records import Ending, Experience, StreamId

BATCH = 1000
_LAST = 2**64 - 1


class LogDeleted(RuntimeError):  # noqa: N818 - says what happened
    """Entries vanished between the two readings."""


def experiences(log: LogReader, recipe: RewardRecipe, *, start_ms: int, end_ms: int) -> Iterator[Experience | Ending]:
    """Experiences of decisions made, and sessions ended, from ``start_ms`` to ``end_ms``, both included, in log order.

    Raises:
        LogDeleted: if the span was deleted meanwhile.
    """
    join = Join(recipe, JoinState(tail=StreamId(max(0, start_ms - 1), _LAST if start_ms > 0 else 0)))
    is_all_read = False
    while batch := log.read(join.tail, BATCH):
        for entry in batch:
            if entry.id.ms > end_ms:
                return
            while (outcome := join.advance(entry)) is WAIT:
                if is_all_read:
                    return
                ahead = log.read(join.head, BATCH)
                if join.head < entry.id and ahead and ahead[0].id > entry.id:
                    raise LogDeleted("the log was deleted while it was read; evaluate what is left of it")
                is_all_read = len(ahead) < BATCH
                for one in ahead:
                    join.gather(one)
            if outcome is not None:
                yield outcome
