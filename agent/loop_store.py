"""Loop settings as stored: every version ever applied, which one is current, and the lineages they began.

In: validated settings. Out: a numbered version, an entry in the loop's log at the moment it took effect, and word to
all replicas and learners. What one change writes, it writes in one transaction.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import redis

from agent import keys
from agent.event_log import FIELD, server_ms
from agent.loops import DEFAULT_LOOP, LOOP_NAME, LoopSettings, SettingsError, parse
from agent.records import SettingsChange, encode

_log = logging.getLogger(__name__)


class StoredSettings(NamedTuple):
    """One version of a loop's settings; versions count from 1."""

    version: int
    settings: LoopSettings


class Lineage(msgspec.Struct, frozen=True):
    """One way of learning that a loop has had.

    Attributes:
        lineage: The learning hash.
        settings_version: The version that made it current, last time.
        since: When that was; ISO 8601, UTC.
    """

    lineage: str
    settings_version: int
    since: str


class LoopStore:
    """The loops of one datastore."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def names(self) -> list[str]:
        """Every loop, in alphabetical order."""
        found: Any = self._client.hkeys(keys.LOOPS)
        return sorted(name.decode() for name in found)

    def current(self, loop: str) -> StoredSettings | None:
        """The settings in force, or None where there is no such loop."""
        version: Any = self._client.hget(keys.LOOPS, loop)
        return None if version is None else self._load(self._client, loop, int(version))

    def apply(self, loop: str, settings: LoopSettings) -> StoredSettings:
        """Put settings in force; a new version is made only if they differ from the current ones.

        Two callers at once are served one after the other; after a lost connection the call may be repeated.

        Raises:
            SettingsError: if the loop's name is not one.
        """
        return self.update(loop, lambda _: settings)

    def update(self, loop: str, edit: Callable[[StoredSettings | None], LoopSettings]) -> StoredSettings:
        """Change the settings in force; of two callers at once the second one edits what the first one made.

        Args:
            loop: Its name.
            edit: What is in force (None where there is no such loop) to what shall be; asked again where the settings
                moved meanwhile. What it raises leaves everything as it was.

        Raises:
            SettingsError: if the loop's name is not one.
        """
        _check_name(loop)
        clock_ms = server_ms(self._client)

        def change(pipe: redis.client.Pipeline) -> StoredSettings:
            pointer: Any = pipe.hget(keys.LOOPS, loop)
            before = None if pointer is None else self._load(pipe, loop, int(pointer))
            settings = edit(before)
            pipe.multi()
            if before is not None and before.settings == settings:
                return before
            stored = StoredSettings(1 if before is None else before.version + 1, settings)
            if before is None or before.settings.learning_hash != settings.learning_hash:
                _begin_lineage(pipe, loop, stored, clock_ms)
            _put_in_force(pipe, loop, stored, clock_ms)
            return stored

        # Watched keys make a repeat after a lost connection read again what it may have written already.
        transaction: Any = self._client.transaction  # declared for callables that return None
        stored: StoredSettings = transaction(change, keys.LOOPS, value_from_callable=True)
        return stored

    def versions(self, loop: str) -> list[StoredSettings]:
        """Every version that can be read, oldest first; empty where there is no such loop."""
        found: Any = self._client.hgetall(keys.settings(loop))
        stored = []
        for number, text in found.items():
            try:
                stored.append(StoredSettings(int(number), _parse(loop, text)))
            except ValueError as error:
                _log.warning("loop %s: version %d of its settings is passed over: %s", loop, int(number), error)
        return sorted(stored, key=lambda each: each.version)

    def lineages(self, loop: str) -> list[Lineage]:
        """Every lineage the loop has had, oldest first."""
        found: Any = self._client.hvals(keys.lineages(loop))
        return sorted(
            (msgspec.json.decode(text, type=Lineage) for text in found), key=lambda each: each.settings_version
        )

    def ensure_default(self) -> StoredSettings:
        """Make the loop ``default`` if there is none; an existing one is left as it is."""
        return self.current(DEFAULT_LOOP) or self.apply(DEFAULT_LOOP, LoopSettings())

    def _load(self, reader: Any, loop: str, version: int) -> StoredSettings:
        return StoredSettings(version, _parse(loop, reader.hget(keys.settings(loop), str(version))))


def _begin_lineage(pipe: redis.client.Pipeline, loop: str, stored: StoredSettings, clock_ms: int) -> None:
    since = datetime.datetime.fromtimestamp(clock_ms / 1000, datetime.UTC).isoformat(timespec="milliseconds")
    lineage = Lineage(stored.settings.learning_hash, stored.version, since)
    pipe.hset(keys.lineages(loop), lineage.lineage, msgspec.json.encode(lineage))


def _put_in_force(pipe: redis.client.Pipeline, loop: str, stored: StoredSettings, clock_ms: int) -> None:
    change = SettingsChange(clock_ms, stored.version, stored.settings.learning_hash)
    pipe.hset(keys.settings(loop), str(stored.version), stored.settings.to_json())
    pipe.hset(keys.LOOPS, loop, str(stored.version))
    if stored.settings.policy.start:
        pipe.persist(keys.start(loop, stored.settings.policy.start))
    pipe.xadd(keys.log(loop), {FIELD: encode(change)})
    pipe.publish(keys.CHANGES, loop)


def _check_name(loop: str) -> None:
    if not re.fullmatch(LOOP_NAME, loop):
        raise SettingsError([f"loop: {loop!r:.80} must be 1 to 64 of a-z, 0-9, dot, underscore and hyphen"])


def _parse(loop: str, text: bytes) -> LoopSettings:
    return parse(json.loads(text), source=f"stored settings of loop {loop}")
