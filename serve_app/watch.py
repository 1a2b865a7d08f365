"""The one background task of a replica that keeps it current: it listens for changes, and looks anyway.

In: word on ``keys.CHANGES``, which may be lost, and the passing of time, which isn't. Out: calls that refresh loops and
keys. Losing Redis stops nothing: what is in memory goes on serving, and the task tries again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import redis.asyncio
from redis import RedisError

from agent import keys
from serve_app.tokens import KEYS_CHANGED

logger = logging.getLogger("slateloop.watch")

POLL_S = 0.5
"""Without any word, loops are looked at this often."""

_PAUSE_S = 0.02

Refresh = Callable[[], Awaitable[None]]


class Watch:
    """Refreshes on word or after ``POLL_S``, whichever comes first, until cancelled.

    Args:
        client: An asyncio client.
        loops: Refreshes the loops; cheap where nothing changed.
        access: Refreshes the keys now.
        access_when_old: Refreshes the keys if they have not been read lately.
    """

    def __init__(
        self, client: redis.asyncio.Redis, *, loops: Refresh, access: Refresh, access_when_old: Refresh
    ) -> None:
        self._client = client
        self._loops = loops
        self._access = access
        self._access_when_old = access_when_old

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                logger.warning("the datastore can't be watched now, what is in memory goes on serving: %s", error)
                await asyncio.sleep(POLL_S)
            except Exception:
                # A defect in one refresh must not end the watch: nothing would be followed any more.
                logger.exception("a refresh failed, what is in memory goes on serving")
                await asyncio.sleep(POLL_S)

    async def _listen(self) -> None:
        async with self._client.pubsub() as channel:
            await channel.subscribe(keys.CHANGES)
            while True:
                word = await channel.get_message(ignore_subscribe_messages=True, timeout=POLL_S)
                await (self._access if _is_about_keys(word) else self._access_when_old)()
                await self._loops()
                await asyncio.sleep(_PAUSE_S)


def _is_about_keys(word: dict[str, object] | None) -> bool:
    return word is not None and word["data"] in (KEYS_CHANGED, KEYS_CHANGED.encode())
