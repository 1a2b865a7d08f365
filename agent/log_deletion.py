"""Deletes the past of a loop's log: what every learner at work has learned and has no use for any more.

In: an administrator's wish. Out: a shorter log, a counter of what has gone, models and checkpoints as they were.

What stays is what a learner may read again: everything from the oldest decision on that its newest checkpoint, which is
read and checked first, remembers. Lineages that nobody learns hold nothing. All that decides is watched while it is
read, so no lineage can begin, and no learner can start, in between unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import redis

from agent import keys, progress
from agent.checkpoint import Checkpoint, CheckpointStore
from agent.event_log import LogReader
from agent.fencing import Fence
from agent.loop_store import LoopStore
from agent.records import ZERO, StreamId
from agent.snapshots import SnapshotStore

N_AT_ONCE = 50_000
"""Entries looked at by one command: the server answers nobody else meanwhile."""

# Both or neither: a learner counts entries from the log's beginning, those that have gone included.
_TRIM = """
local n = redis.call('XTRIM', KEYS[1], 'MINID', unpack(ARGV))
if n > 0 then redis.call('INCRBY', KEYS[2], n) end
return n
"""


class Deletion(NamedTuple):
    """What a deletion came to.

    Attributes:
        n_deleted: Entries deleted.
        first: The first entry left, or ``ZERO`` where the log is empty.
        why: Why nothing could be deleted, and what to do; "" where something could, or there was nothing to delete.
    """

    n_deleted: int
    first: StreamId
    why: str


class _Floor(NamedTuple):
    """Where the log must begin at the latest; ``ZERO`` with a reason where nothing may go."""

    first: StreamId
    why: str = ""


def delete_learned(client: redis.Redis, loop: str) -> Deletion:
    """Delete all that no learner at work needs any more; safe to repeat.

    Raises:
        redis.RedisError: if the datastore is away; what was deleted by then stays deleted, in order.
    """
    n_deleted = 0
    while n := _trim(client, loop, ("~", N_AT_ONCE))[0]:
        n_deleted += n
    n, floor = _trim(client, loop, ("=", None))
    log = LogReader(client, loop)
    return Deletion(n_deleted + n, log.first_id(), floor.why)


def _trim(client: redis.Redis, loop: str, how: tuple[str, int | None]) -> tuple[int, _Floor]:
    """One command's worth; how many entries went, and the floor."""
    floor = _Floor(ZERO)
    exactly, limit = how

    def change(pipe: Any) -> None:
        nonlocal floor
        floor = _floor(client, pipe, loop)
        pipe.multi()
        if floor.first > ZERO:
            limits = () if limit is None else ("LIMIT", limit)
            pipe.eval(_TRIM, 2, keys.log(loop), keys.log_deleted(loop), exactly, str(floor.first), *limits)

    answers: Any = client.transaction(change, keys.LOOPS, keys.serving(loop))
    return (int(answers[0]) if answers else 0), floor


def _floor(client: redis.Redis, pipe: Any, loop: str) -> _Floor:
    floors = []
    for lineage in _learned(client, loop):
        pipe.watch(keys.epoch(loop, lineage))
        floors.append(_floor_of(client, loop, lineage))
    return min(floors, default=_Floor(ZERO))


def _learned(client: redis.Redis, loop: str) -> Iterator[str]:
    """Lineages with a learner: that of the settings, and that which is served until it has caught up."""
    stored, serving = LoopStore(client).current(loop), SnapshotStore(client, loop).serving()
    if stored is not None:
        yield stored.settings.learning_hash
    if stored is not None and serving is not None and serving.lineage != stored.settings.learning_hash:
        yield serving.lineage


def _floor_of(client: redis.Redis, loop: str, lineage: str) -> _Floor:
    epoch: Any = client.get(keys.epoch(loop, lineage))
    newest = CheckpointStore(client, Fence(loop, lineage, 0)).load().checkpoint
    if epoch is None or newest is None:
        return _Floor(ZERO, f"Lineage {lineage} has no checkpoint yet; delete again once it has learned something.")
    first = _needed(newest)
    if newest.epoch == int(epoch):
        return _Floor(first)
    # Its learner has saved nothing since it started: it may have found the checkpoint useless and begun anew.
    report = progress.read(client, loop, lineage)
    if report is None or report.epoch != int(epoch) or report.tail == str(ZERO):
        return _Floor(ZERO, f"The learner of lineage {lineage} is just starting; delete again in a few seconds.")
    return _Floor(min(first, StreamId.parse(report.tail)))


def _needed(checkpoint: Checkpoint) -> StreamId:
    """The tail itself always stays, so that a log that had entries is never empty."""
    join = checkpoint.join
    return join.tail if join.reread_from is None else min(join.reread_from, join.tail)
