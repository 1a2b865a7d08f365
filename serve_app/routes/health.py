"""Whether the service lives, is ready, and how it does, for whoever watches it; and its papers, for whoever reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property

import msgspec
from redis import RedisError

from agent.loops import DEFAULT_LOOP
from serve_app.current import Loops
from serve_app.errors import RequestError, UnavailableError
from serve_app.exposition import Exposition
from serve_app.http import Ask, Reply, json_reply
from serve_app.routes.docs_page import page
from serve_app.routes.openapi import document

_READY_S = 2.0


class HealthRoutes:
    """Answers about the service itself.

    Args:
        ping: Asks the datastore for a sign of life; raises if there is none.
        loops: The loops being served.
        exposition: Renders the metrics, blocking.
        version: Of the service.
        url: Where clients reach it.
    """

    def __init__(
        self, ping: Callable[[], Awaitable[object]], loops: Loops, exposition: Exposition, *, version: str, url: str
    ) -> None:
        self._ping = ping
        self._loops = loops
        self._exposition = exposition
        self._version = version
        self._url = url

    async def alive(self, ask: Ask) -> Reply:
        """The process runs and its event loop turns."""
        return Reply(b"ok\n", content_type=b"text/plain; charset=utf-8")

    async def ready(self, ask: Ask) -> Reply:
        """The log is reachable and the default loop is loaded."""
        faults = [fault for fault in (await self._datastore_fault(), await self._loop_fault()) if fault]
        if faults:
            raise UnavailableError("; ".join(faults), cure="wait, or see the service's log")
        return json_reply({"ready": True})

    async def metrics(self, ask: Ask) -> Reply:
        """The totals of all replicas."""
        text = await asyncio.to_thread(self._exposition.render)
        return Reply(text, content_type=b"text/plain; version=0.0.4; charset=utf-8")

    async def guarded_metrics(self, ask: Ask) -> Reply:
        """The same where they need a key: one for all loops, since they tell of all."""
        ask.who.require_all_loops()
        return await self.metrics(ask)

    async def openapi(self, ask: Ask) -> Reply:
        """The OpenAPI document."""
        return Reply(self._openapi)

    async def docs(self, ask: Ask) -> Reply:
        """The page for people."""
        return Reply(self._page, content_type=b"text/html; charset=utf-8")

    @cached_property
    def _openapi(self) -> bytes:
        return msgspec.json.encode(document(self._version))

    @cached_property
    def _page(self) -> bytes:
        return page(document(self._version), url=self._url).encode()

    async def _datastore_fault(self) -> str:
        try:
            async with asyncio.timeout(_READY_S):
                await self._ping()
        except (RedisError, OSError, TimeoutError) as error:
            return f"the datastore doesn't answer: {error or type(error).__name__}"
        return ""

    async def _loop_fault(self) -> str:
        try:
            async with asyncio.timeout(_READY_S):
                await self._loops.get(DEFAULT_LOOP)
        except RequestError as error:
            return f"loop {DEFAULT_LOOP}: {error.detail}"
        except (RedisError, OSError, TimeoutError):
            return f"loop {DEFAULT_LOOP} is not loaded"
        return ""
