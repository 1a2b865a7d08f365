"""The event log: one Redis stream per loop, appended to by every replica, read by position.

In: records, and the feature rows they name. Out: stream ids once the server has them; entries in the only order.
Replicas append through ``EventLog`` (micro-batched, asyncio); learners read through ``LogReader`` (blocking).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import redis.asyncio

from agent import keys
from agent.command_queue import Command, CommandQueue, Script
from agent.command_queue import LogUnavailable as LogUnavailable  # raised by every method here that appends
from agent.connection import TIMEOUT_S, once
from agent.records import ZERO, Decision, Entry, Record, RecordError, StreamId, decode, encode

N_KNOWN_ROWS = 50_000
"""So many feature rows of one loop are remembered as stored; beyond it all are forgotten and written again."""

KEEP_EVENT_MS = 600_000
"""A client's event id is remembered for two reward windows, and at least for this long."""

FIELD = b"r"
"""The only field of an entry; its value is the record."""

STALE_MS = 500
"""An entry that waited longer than this is dated anew when it is sent: a wait must not look like a jumped clock."""

_ANCHOR_MS = 60_000
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps

# A script sees its memory limit once, before its first write: rows and entry are stored together or not at all.
_APPEND = Script.of("""
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return redis.call('XADD', KEYS[1], '*', 'r', ARGV[1])
""")
_APPEND_ONCE = Script.of("""
local seen = redis.call('GET', KEYS[3])
if seen then return {1, seen} end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
local id = redis.call('XADD', KEYS[1], '*', 'r', ARGV[1])
redis.call('SET', KEYS[3], id .. ':' .. ARGV[2], 'PX', ARGV[3])
return {0, id}
""")

NO_ROWS: Mapping[bytes, bytes] = {}


class EventConflict(ValueError):  # noqa: N818 - says what is wrong, and callers know it by this name
    """This event id was already used for a different request; nothing was stored."""


class Appended(NamedTuple):
    """What the log holds for an event id.

    Attributes:
        decision: The logged decision: the one given, or the first one when this is a repeat.
    """

    id: StreamId
    decision: Decision
    is_repeat: bool


@dataclass(slots=True)
class _Target:
    """One loop's keys, and the rows known to be stored since the connection with this number was made."""

    log: str
    features: str
    connection: int = 0
    known: set[bytes] = field(default_factory=set)

    def fresh(self, rows: Mapping[bytes, bytes], connection: int) -> list[bytes]:
        """Addresses of the rows that must be sent, on this connection."""
        if self.connection != connection:
            self.known.clear()
            self.connection = connection
        return [] if rows.keys() <= self.known else [key for key in rows if key not in self.known]

    def stored(self, rows: Mapping[bytes, bytes], connection: int) -> None:
        """Remember rows that the server has confirmed."""
        if self.connection == connection and not rows.keys() <= self.known:
            if len(self.known) + len(rows) > N_KNOWN_ROWS:
                self.known.clear()
            self.known.update(rows)


class EventLog:
    """The writing end, one per process for all its loops; bound to the event loop that opens it."""

    def __init__(self, client: redis.asyncio.Redis, *, timeout_s: float = TIMEOUT_S) -> None:
        """Nothing is connected before ``open``.

        Args:
            client: From ``connect_async``; its address is used for a connection of the log's own.
            timeout_s: How long an append may wait for its answer.
        """
        self._queue = CommandQueue(client, scripts=(_APPEND, _APPEND_ONCE), timeout_s=timeout_s)
        self._targets: dict[str, _Target] = {}
        self._server_ahead_ms = 0
        self._anchored_ms = 0

    @property
    def queue(self) -> CommandQueue:
        """Where appends queue up; what else a decision asks of the server shares their round trips."""
        return self._queue

    async def open(self) -> None:
        """Connect and read the server's clock.

        Raises:
            LogUnavailable: if the server can't be reached.
        """
        await self._queue.open()
        await self._anchor()

    async def close(self) -> None:
        """Wait for appends under way, refuse later ones, disconnect."""
        await self._queue.close()

    def clock_ms(self) -> int:
        """The server's time as last read (at least once a minute while appending) plus the time since."""
        return _elapsed_ms() + self._server_ahead_ms

    async def append(self, loop: str, record: Record, rows: Mapping[bytes, bytes] = NO_ROWS) -> StreamId:
        """Append one record; when this returns, the server has it.

        Args:
            loop: Name of the loop.
            record: The entry.
            rows: Content address → canonical JSON of every feature row the entry names. A row that this process has
                not stored yet is stored with the entry, never without it.

        Raises:
            LogUnavailable: if the server did not confirm; the entry may be in the log nevertheless.
        """
        since_ms = _elapsed_ms()
        await self._anchor_if_due(since_ms)
        target, encoded, sent_on = self._target(loop), encode(record), 0

        def make() -> Command:
            nonlocal sent_on
            sent_on = self._queue.n_connections
            fresh = target.fresh(rows, sent_on)
            entry = _dated(record, encoded, since_ms)
            if not fresh:
                return ("XADD", target.log, "*", FIELD, entry)
            return ("EVALSHA", _APPEND.sha, 2, target.log, target.features, entry, *_flat(rows, fresh))

        answer = await self._queue.send(make)
        target.stored(rows, sent_on)
        return StreamId.parse(answer)

    async def append_once(
        self, loop: str, decision: Decision, *, body_digest: bytes, rows: Mapping[bytes, bytes] = NO_ROWS
    ) -> Appended:
        """Append a decision whose event id came from the client, unless the log has that id already.

        Args:
            loop: Name of the loop.
            decision: What would be served now.
            body_digest: Digest of the request; equal requests have equal ones.
            rows: As in ``append``.

        Returns:
            The decision to answer with: a repeat gets the one that was logged first, from whichever replica.

        Raises:
            EventConflict: if the id was used for another request, or its decision has left the log.
            LogUnavailable: if the server did not confirm; repeating the call is safe.
        """
        since_ms = _elapsed_ms()
        await self._anchor_if_due(since_ms)
        target, encoded, sent_on = self._target(loop), encode(decision), 0
        event_key = keys.event(loop, decision.event_id)
        keep_ms = max(2 * decision.window_ms, KEEP_EVENT_MS)

        def make() -> Command:
            nonlocal sent_on
            sent_on = self._queue.n_connections
            fresh = _flat(rows, target.fresh(rows, sent_on))
            named = (target.log, target.features, event_key)
            entry = _dated(decision, encoded, since_ms)
            return ("EVALSHA", _APPEND_ONCE.sha, 3, *named, entry, body_digest, keep_ms, *fresh)

        is_repeat, answer = await self._queue.send(make)
        if is_repeat:
            return await self._logged(target, decision.event_id, answer, body_digest)
        target.stored(rows, sent_on)
        return Appended(StreamId.parse(answer), decision, is_repeat=False)

    async def _logged(self, target: _Target, event_id: str, seen: bytes, body_digest: bytes) -> Appended:
        """Read the first decision with this event id back."""
        position, _, digest = seen.partition(b":")
        if digest != body_digest:
            raise EventConflict(f"event_id={event_id!r} was already used for a different request; use a new event_id")
        found = await self._queue.send(lambda: ("XRANGE", target.log, position, position))
        entry = _entry(found[0][0], found[0][1][1]) if found else None
        if entry is None or not isinstance(entry.record, Decision):
            raise EventConflict(f"event_id={event_id!r} was decided before and has left the log; use a new event_id")
        return Appended(entry.id, entry.record, is_repeat=True)

    def _target(self, loop: str) -> _Target:
        target = self._targets.get(loop)
        if target is None:
            target = self._targets[loop] = _Target(keys.log(loop), keys.features(loop))
        return target

    async def _anchor_if_due(self, elapsed_ms: int) -> None:
        if elapsed_ms - self._anchored_ms > _ANCHOR_MS:
            await self._anchor()

    async def _anchor(self) -> None:
        """Read the server's clock anew: it may be set, and ours may drift."""
        self._anchored_ms = _elapsed_ms()
        seconds, micros = await self._queue.send(lambda: ("TIME",))
        self._server_ahead_ms = _time_ms(seconds, micros) - _elapsed_ms()


class LogReader:
    """The reading end of one loop's log; blocking, for learners and the command line."""

    def __init__(self, client: redis.Redis, loop: str) -> None:
        self._client = client
        self._log = keys.log(loop)
        self._deleted = keys.log_deleted(loop)
        self._features = keys.features(loop)

    def read(self, after: StreamId, count: int) -> list[Entry]:
        """Up to ``count`` entries after a position, in order; fewer only at the end of the log.

        An entry that can't be read (written by a newer version, or by a stranger) comes with ``record=None``: it has a
        place in time, and to stop at it would stop learning for ever. Whoever reads counts it.
        """
        found: Any = self._client.xrange(self._log, min=f"({after}", count=count)
        return [_entry(position, fields.get(FIELD)) for position, fields in found]

    def rows(self, addresses: Iterable[bytes]) -> dict[bytes, bytes]:
        """Content address → canonical JSON; an address that is not stored is missing."""
        wanted = list(dict.fromkeys(addresses))
        if not wanted:
            return {}
        values: Any = self._client.hmget(self._features, wanted)
        return {address: value for address, value in zip(wanted, values, strict=True) if value is not None}

    def first_id(self) -> StreamId:
        """Position of the oldest entry, or ``ZERO`` where the log is empty."""
        found: Any = self._client.xrange(self._log, count=1)
        return StreamId.parse(found[0][0]) if found else ZERO

    def last_id(self) -> StreamId:
        """Position of the newest entry, or ``ZERO`` where the log is empty."""
        found: Any = self._client.xrevrange(self._log, count=1)
        return StreamId.parse(found[0][0]) if found else ZERO

    def n_entries(self) -> int:
        """How many entries the log holds."""
        n_entries: Any = self._client.xlen(self._log)
        return int(n_entries)

    def n_deleted(self) -> int:
        """How many entries were deleted from its beginning."""
        n_deleted: Any = self._client.get(self._deleted)
        return int(n_deleted or 0)

    def n_written(self) -> int:
        """How many entries the log has had, deleted ones included."""
        with self._client.pipeline() as pipe:
            pipe.xlen(self._log)
            pipe.get(self._deleted)
            n_entries, n_deleted = pipe.execute()
        return int(n_entries) + int(n_deleted or 0)

    def n_bytes(self) -> int:
        """Approximate memory the log and its feature rows take in the server, in bytes."""
        used: list[Any] = [self._client.memory_usage(key) for key in (self._log, self._features)]
        return sum(n_bytes or 0 for n_bytes in used)

    def server_ms(self) -> int:
        """The server's clock."""
        return server_ms(self._client)


def append(client: redis.Redis, loop: str, record: Record) -> StreamId:
    """Append one record, blocking; for ticks and the command line.

    Raises:
        redis.RedisError: if the server did not confirm; the entry may be in the log nevertheless.
    """
    return StreamId.parse(once(client, "XADD", keys.log(loop), "*", FIELD, encode(record)))


def server_ms(client: redis.Redis) -> int:
    """The server's clock, in milliseconds since 1970."""
    return _time_ms(*once(client, "TIME"))


def _entry(position: bytes, data: bytes | None) -> Entry:
    try:
        record = None if data is None else decode(data)
    except RecordError:
        record = None
    return Entry(StreamId.parse(position), record)


def _dated(record: Record, encoded: bytes, since_ms: int) -> bytes:
    """The entry to send now, for a record whose clock was read at ``since_ms``."""
    waited_ms = _elapsed_ms() - since_ms
    if waited_ms <= STALE_MS:
        return encoded
    return encode(msgspec.structs.replace(record, clock_ms=record.clock_ms + waited_ms))


def _flat(rows: Mapping[bytes, bytes], addresses: Iterable[bytes]) -> list[bytes]:
    return [part for address in addresses for part in (address, rows[address])]


def _time_ms(seconds: Any, micros: Any) -> int:
    return int(seconds) * 1000 + int(micros) // 1000


def _elapsed_ms() -> int:
    return time.clock_gettime_ns(_CLOCK) // 1_000_000
