"""``GET /v1/loops/{loop}/status``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from redis import Redis

from agent.loop_store import LoopStore
from policies.neural.dense import DenseEncoder
from serve_app.current import Loops, unknown_loop
from serve_app.http import Ask, Reply, json_reply
from serve_app.loop_runtime import LoopRuntime
from serve_app.status import read_status


class StatusRoutes:
    """Tells how a loop does.

    Args:
        redis: A sync client.
        loops: The loops being served here.
        monotonic_s: The clock that tells how long the service has been up.
    """

    def __init__(self, redis: Redis, loops: Loops, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._loops = loops
        self._monotonic_s = monotonic_s
        self._since_s = monotonic_s()

    async def status(self, ask: Ask) -> Reply:
        """A loop's status."""
        name = ask.params["loop"]
        ask.who.require_loop(name)
        runtime = self._loops.peek(name)
        status = await asyncio.to_thread(
            read_status,
            self._redis,
            name,
            trouble="" if runtime is None else runtime.trouble,
            sees_all=ask.who.loop is None,
            up_s=self._monotonic_s() - self._since_s,
            encoder=None if runtime is None else _encoder(runtime),
        )
        if status is None:
            sees_all = ask.who.is_admin and ask.who.loop is None
            raise unknown_loop(name, await asyncio.to_thread(LoopStore(self._redis).names) if sees_all else ())
        return json_reply(status)


def _encoder(runtime: LoopRuntime) -> DenseEncoder | None:
    """Of the agent that is served, if one is."""
    found = None if runtime.served is None else getattr(runtime.served.arm.policy, "encoder", None)
    return found if isinstance(found, DenseEncoder) else None
