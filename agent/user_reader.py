"""A replica's look at a user's row, on the way to a decision: one command among those that share a round trip.

In: a loop, the lineage of the snapshot it serves, a user. Out: the user's row, or that none can be had now. A decision
never fails for want of it. There is no time limit of its own: it comes over the connection that decisions are logged
by, so whoever waits for it waits for the log.
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

    async def read(self, loop: str, lineage: str, user: str) -> UserRates | None:
        """The user's row; None where nothing was learned of this user.

        Raises:
            UserUnread: if it did not come, or is none.
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
