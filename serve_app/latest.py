"""The newest entries of a loop's log, for a look at what came lately; blocking.

In: a loop. Out: its last records, newest first; entries that can't be read are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis import Redis

from agent import keys
from agent.event_log import FIELD
from agent.records import Record, RecordError, decode

N_LATEST = 200
"""So many entries are looked at."""


def latest(redis: Redis, loop: str) -> Iterator[Record]:
    """The records of the last entries, newest first."""
    found: Any = redis.xrevrange(keys.log(loop), count=N_LATEST)
    for _, fields in found:
        try:
            yield decode(fields[FIELD])
        except (KeyError, RecordError):
            continue
