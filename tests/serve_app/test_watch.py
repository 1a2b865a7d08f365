"""The watch goes on, whatever a refresh raises."""

from __future__ import annotations

import asyncio

import pytest

from agent.connection import connect_async
from serve_app import watch
from serve_app.watch import Watch


async def nothing() -> None:
    """Refreshes nothing."""


async def test_a_defect_in_a_refresh_does_not_end_the_watch(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "POLL_S", 0.01)
    went_on = asyncio.Event()
    n_refreshes = 0

    async def refresh() -> None:
        nonlocal n_refreshes
        n_refreshes += 1
        if n_refreshes == 1:
            raise ZeroDivisionError("a defect")
        went_on.set()

    client = connect_async(redis_url)
    task = asyncio.create_task(Watch(client, loops=refresh, access=nothing, access_when_old=nothing).run())
    async with asyncio.timeout(10):
        await went_on.wait()
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
    await client.aclose()
