"""``GET /v1/loops/{loop}/status``."""

from __future__ import annotations

import asyncio

from redis import Redis

from serve_app.current import Loops, unknown_loop
from serve_app.http import Ask, Reply, json_reply
from serve_app.status import read_status


class StatusRoutes:
    """Tells how a loop does.

    Args:
        redis: A sync client.
        loops: The loops being served here.
    """

    def __init__(self, redis: Redis, loops: Loops) -> None:
        self._redis = redis
        self._loops = loops

    async def status(self, ask: Ask) -> Reply:
        """A loop's status."""
        name = ask.params["loop"]
        ask.who.require_loop(name)
        runtime = self._loops.peek(name)
        trouble = "" if runtime is None else runtime.trouble
        status = await asyncio.to_thread(read_status, self._redis, name, trouble=trouble)
        if status is None:
            raise unknown_loop(name)
        return json_reply(status)
