"""What this process did, counted locally and added to the totals of all processes once a second.

In: one call for each thing that happens. Out: increments of the hash ``keys.METRICS``; ``serve_app/exposition.py``
turns its totals into Prometheus text. Labels are loops, variants and outcomes; never a user, an item or an event.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections import Counter
from typing import Literal

import msgspec
import redis.asyncio
from redis import RedisError

from agent import keys

logger = logging.getLogger("slateloop.metrics")

DECIDED = "decide_requests_total"
DECIDE_BUCKET = "decide_duration_bucket"
DECIDE_MICROSECONDS = "decide_duration_us"
REWARDED = "reward_events_total"
FELL_BACK = "fallback_total"
USER_READ = "user_reads_total"

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Upper ends of the latency histogram; one more bucket holds the rest."""

FLUSH_S = 1.0

Outcome = Literal["ok", "refused", "unavailable", "error"]
Sample = tuple[str, ...]
"""Name of the count, then its label values."""


class Meter:
    """Counts since the last flush."""

    def __init__(self) -> None:
        self._counts: Counter[Sample] = Counter()

    def decided(self, loop: str, variant: str, outcome: Outcome, seconds: float) -> None:
        """One slate request was answered, well or not; ``variant`` is "" where it wasn't known yet."""
        counts = self._counts
        counts[(DECIDED, loop, variant, outcome)] += 1
        counts[(DECIDE_BUCKET, loop, str(bisect_left(BUCKETS_S, seconds)))] += 1
        counts[(DECIDE_MICROSECONDS, loop)] += int(seconds * 1e6)

    def rewarded(self, loop: str, result: Literal["accepted", "refused", "unavailable"], n: int = 1) -> None:
        """Feedback came in."""
        self._counts[(REWARDED, loop, result)] += n

    def fell_back(self, loop: str, reason: str) -> None:
        """A learned policy failed and another one served; ``reason`` says which."""
        self._counts[(FELL_BACK, loop, reason)] += 1

    def user_read(self, loop: str, result: Literal["known", "new", "failed"]) -> None:
        """A decision looked for its user's row; without it the user counts as new."""
        self._counts[(USER_READ, loop, result)] += 1

    async def flush(self, client: redis.asyncio.Redis) -> None:
        """Add everything counted to the totals; what can't be added now is kept for the next time."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        pipe = client.pipeline(transaction=False)
        for sample, count in counts.items():
            pipe.hincrby(keys.METRICS, field_of(sample), count)
        try:
            await pipe.execute()
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("counts are kept until the datastore is back: %s", error)
            self._counts.update(counts)

    async def run(self, client: redis.asyncio.Redis) -> None:
        """Flush once a second until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush(client)


def field_of(sample: Sample) -> str:
    """The sample's field in the hash."""
    return msgspec.json.encode(sample).decode()


def sample_of(field: bytes) -> Sample:
    """The sample of a field."""
    return msgspec.json.decode(field, type=tuple[str, ...])
