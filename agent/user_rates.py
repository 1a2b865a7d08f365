"""Users' rows: kept by the learner outside its state, exactly once, though it may be killed anywhere.

In: what each lesson tells of its user. Out: one small row for each user of a lineage (``policies/user_rates.py``), for
replicas to read. Each row carries the place in the log up to which it has learned. Rows are written before the
checkpoint, so none is behind it; lessons learned again after a crash are passed over where the row has them already.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

import redis

from agent import keys
from agent.fencing import Fence
from agent.loops import LoopSettings
from agent.records import StreamId
from policies.base import PolicyError
from policies.registry import is_static
from policies.tags import Tags
from policies.user_rates import UserRates

_log = logging.getLogger(__name__)


class Showing(NamedTuple):
    """What one showing tells of a user: the item's tags, and how much more than the item's rate it brought."""

    tags: Tags
    excess: float


class UserStore(Protocol):
    """Where the rows of one lineage are."""

    def read(self, marks: Sequence[str]) -> Sequence[bytes | None]:
        """The rows, by the users' marks; None where there is none."""
        ...

    def write(self, rows: Mapping[str, bytes]) -> None:
        """Replace rows, all or none."""
        ...


class UserLedger:
    """One learner's book of users: gathers what lessons tell, and brings the rows up to date in batches."""

    def __init__(self, store: UserStore) -> None:
        self._store = store
        self._pending: dict[str, list[tuple[StreamId, Sequence[Showing]]]] = {}

    def note(self, id: StreamId, user: str, showings: Sequence[Showing]) -> None:
        """Gather what the lesson at this place in the log tells; lessons come in log order."""
        self._pending.setdefault(mark_of(user), []).append((id, showings))

    def flush(self) -> None:
        """Write everything gathered: one read, one write. What fails stays gathered."""
        if not self._pending:
            return
        marks = list(self._pending)
        rows = {}
        for mark, data in zip(marks, self._store.read(marks), strict=True):
            row = _row(data)
            if _learn(row, self._pending[mark]):
                rows[mark] = row.to_bytes()
        if rows:
            self._store.write(rows)
        self._pending.clear()


class MemoryUsers:
    """Rows in this process, for a log that is learned again and for experiments."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}

    def read(self, marks: Sequence[str]) -> Sequence[bytes | None]:
        """The rows, by the users' marks."""
        return [self.rows.get(mark) for mark in marks]

    def write(self, rows: Mapping[str, bytes]) -> None:
        """Replace rows."""
        self.rows.update(rows)

    def of(self, user: str) -> UserRates | None:
        """One user's row."""
        data = self.rows.get(mark_of(user))
        return None if data is None else UserRates.from_bytes(data)


class RedisUsers:
    """The rows of one lineage in the datastore, as the one learner that holds its fence writes them.

    Args:
        client: From ``connect``.
        fence: The learner's claim on the lineage.
        keep_s: A row vanishes when nothing was learned of its user for so long; 0 keeps none.
    """

    def __init__(self, client: redis.Redis, fence: Fence, *, keep_s: int) -> None:
        self._client, self._fence = client, fence
        self.keep_s = keep_s

    def read(self, marks: Sequence[str]) -> Sequence[bytes | None]:
        """The rows, by the users' marks; in one round trip."""
        if not self.keep_s:
            return [None] * len(marks)
        found: Any = self._client.mget([self._key(mark) for mark in marks])
        return list(found)

    def write(self, rows: Mapping[str, bytes]) -> None:
        """Replace rows, all or none; in one transaction.

        Raises:
            Fenced: if another learner has claimed the lineage; nothing was written.
        """
        if not self.keep_s:
            return

        def put(pipe: Any) -> None:
            self._fence.check(pipe)
            pipe.multi()
            for mark, row in rows.items():
                pipe.set(self._key(mark), row, ex=self.keep_s)

        self._client.transaction(put, self._fence.key)

    def _key(self, mark: str) -> str:
        return keys.user(self._fence.loop, self._fence.lineage, mark)


def mark_of(user: str) -> str:
    """What stands for a user in a key: 32 hex digits, from which the name can't be read."""
    return blake2b(user.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def keep_s(settings: LoopSettings) -> int:
    """How long a user's row outlives the last lesson about this user, in whole seconds.

    0, and nothing is kept, where the settings say so, or where the loop's policy learns nothing.
    """
    days = 0.0 if is_static(settings.policy.kind) else settings.users.keep_days
    return max(1, round(days * 86_400)) if days else 0


def _row(data: bytes | None) -> UserRates:
    if data is None:
        return UserRates()
    try:
        return UserRates.from_bytes(data)
    except PolicyError as error:
        _log.warning("a user's row is begun anew: %s", error)
        return UserRates()


def _learn(row: UserRates, lessons: Sequence[tuple[StreamId, Sequence[Showing]]]) -> bool:
    """Bring a row up to date; False where it has all of these lessons already."""
    is_new = False
    for id, showings in lessons:
        if id > row.position:
            for showing in showings:
                row.observe(showing.tags, showing.excess)
            row.position, is_new = (id.ms, id.seq), True
    return is_new
