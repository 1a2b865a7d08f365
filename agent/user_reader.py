"""A replica's look at a user's row, on the way to a decision: one command, sent together with those of other requests.

In: a loop, the lineage of the snapshot it serves, a user. Out: the user's row, or that none can be had now. A decision
never waits long for it, and never fails for want of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import redis.asyncio

from agent import keys
from agent.command_queue import CommandQueue, LogUnavailable
from agent.user_rates import mark_of
from policies.base import PolicyError
from policies.user_rates import UserRates

LIMIT_S = 0.25
"""Rows that did not come within so long are done without."""

PAUSE_S = 1.0
"""After a failure no row is asked for during so long."""


class UserUnread(RuntimeError):  # noqa: N818 - says what happened
    """This user's row can't be had now: decide without it."""


class UserReader:
    """Reads rows, for all loops of this process; bound to the event loop that opens it.

    Args:
        client: Only its address and credentials are used.
        limit_s: How long to wait for rows.
        monotonic_s: The clock that times pauses.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        *,
        limit_s: float = LIMIT_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = CommandQueue(client, timeout_s=limit_s, patience_s=0.0)
        self._monotonic_s, self._paused_until = monotonic_s, -math.inf

    async def open(self) -> None:
        """Connect.

        Raises:
            LogUnavailable: if the server can't be reached.
        """
        await self._queue.open()

    async def close(self) -> None:
        """Disconnect."""
        await self._queue.close()

    async def read(self, loop: str, lineage: str, user: str) -> UserRates | None:
        """The user's row; None where nothing was learned of this user.

        Raises:
            UserUnread: if it did not come in time, or is none.
        """
        if self._monotonic_s() < self._paused_until:
            raise UserUnread("the datastore did not give users' rows lately")
        key = keys.user(loop, lineage, mark_of(user))
        try:
            data = await self._queue.send(lambda: ("GET", key))
            return None if data is None else UserRates.from_bytes(data)
        except LogUnavailable as error:
            self._paused_until = self._monotonic_s() + PAUSE_S
            raise UserUnread(str(error)) from None
        except PolicyError as error:
            raise UserUnread(str(error)) from None
