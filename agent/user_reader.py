"""A replica's look at a user's row, on the way to a decision: one command among those that share a round trip.

In: a loop, the lineage of the snapshot it serves, a user. Out: the user's row, or that none can be had now. A row that
was read a moment ago is not read again: users ask in bursts, and their rewards are learned a moment later at best.
A decision never fails for want of a row. There is no time limit of its own: it comes over the connection that decisions
are logged by, so whoever waits for it waits for the log.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from agent import keys
from agent.command_queue import CommandQueue, LogUnavailable
from agent.user_rates import mark_of
from policies.base import PolicyError
from policies.user_rates import UserRates

PAUSE_S = 1.0
"""After a failure no row is asked for during so long."""


TURN_S = 1.0
"""A row serves for at least so long and at most twice as long after it was read."""

N_KEPT = 10_000
"""So many rows are remembered, or twice as many; a row takes 1.4 kB at most."""


class UserUnread(RuntimeError):  # noqa: N818 - says what happened
    """This user's row can't be had now: decide without it."""


class UserReader:
    """Reads rows, for all loops of this process.

    Args:
        queue: Of the event log, open: so reads leave together with appends.
        monotonic_s: The clock that times pauses.
    """

    def __init__(self, queue: CommandQueue, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._monotonic_s, self._paused_until = monotonic_s, -math.inf
        self._young: dict[_Name, bytes | None] = {}
        self._old: dict[_Name, bytes | None] = {}
        self._turns_at = -math.inf

    async def read(self, loop: str, lineage: str, user: str) -> UserRates | None:
        """The user's row; None where nothing was learned of this user.

        Raises:
            UserUnread: if it did not come, or is none.
        """
        name, now_s = (loop, lineage, user), self._monotonic_s()
        if now_s >= self._turns_at or len(self._young) >= N_KEPT:
            self._turn(now_s)
        data = self._young.get(name, _UNREAD)
        if data is _UNREAD:
            data = self._old.get(name, _UNREAD)
        if data is _UNREAD:
            data = self._young[name] = await self._read(name, now_s)
        try:
            return None if data is None else UserRates.from_bytes(data)
        except PolicyError as error:
            raise UserUnread(str(error)) from None

    def _turn(self, now_s: float) -> None:
        """Forget what was read before the last turn; all of it if that was long ago."""
        is_late = now_s >= self._turns_at + TURN_S
        self._young, self._old = {}, {} if is_late else self._young
        if now_s >= self._turns_at:
            self._turns_at = TURN_S + (now_s if is_late else self._turns_at)

    async def _read(self, name: _Name, now_s: float) -> bytes | None:
        if now_s < self._paused_until:
            raise UserUnread("the datastore did not give users' rows lately")
        loop, lineage, user = name
        key = keys.user(loop, lineage, mark_of(user))
        try:
            data: bytes | None = await self._queue.send(lambda: ("GET", key))
        except LogUnavailable as error:
            self._paused_until = self._monotonic_s() + PAUSE_S
            raise UserUnread(str(error)) from None
        return data


_Name = tuple[str, str, str]
"""Loop, lineage, user."""

_UNREAD = b"unread"
