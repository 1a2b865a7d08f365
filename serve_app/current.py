"""The loops this process serves: loaded when first asked for, kept current, swapped whole.

In: loop names from requests, and word from Redis that something changed. Out: a ``LoopRuntime`` by one dictionary
look-up. Loading happens in a thread; the swap is one assignment on the event loop, between two requests.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import redis.asyncio

from agent import keys
from agent.loops import DEFAULT_LOOP, SettingsError
from policies.base import PolicyError
from serve_app.arms import LoopRuntime
from serve_app.errors import NotFoundError, UnavailableError, shown
from serve_app.loading import Loader

logger = logging.getLogger("slateloop.current")

RETRY_S = 5.0
"""A snapshot that can't be served is tried again after this long."""

_Mark = tuple[Any, ...]


class Loops:
    """What is served now, loop by loop.

    Args:
        loader: Reads a loop, blocking.
        client: An asyncio client, for one cheap look at what changed.
        monotonic_s: The clock that spaces retries.
    """

    def __init__(
        self, loader: Loader, client: redis.asyncio.Redis, *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._loader = loader
        self._client = client
        self._monotonic_s = monotonic_s
        self._runtimes: dict[str, LoopRuntime] = {}
        self._marks: dict[str, tuple[_Mark, float]] = {}
        self._lock = asyncio.Lock()
        self.peek = self._runtimes.get

    def names(self) -> list[str]:
        """The loops loaded so far."""
        return sorted(self._runtimes)

    async def get(self, name: str) -> LoopRuntime:
        """A loop's runtime, loaded now if need be.

        Raises:
            NotFoundError: there is no such loop.
            UnavailableError: its settings can't be served.
        """
        known = self._runtimes.get(name)
        if known is not None:
            return known
        async with self._lock:
            if name not in self._runtimes:
                await self._load(name)
        if name not in self._runtimes:
            raise unknown_loop(name)
        return self._runtimes[name]

    async def refresh(self) -> None:
        """Reload every loop whose settings, snapshot or catalogue changed since it was loaded."""
        async with self._lock:
            marks = await self._look(list(self._runtimes))
            now_s = self._monotonic_s()
            for name, mark in marks.items():
                seen, loaded_at_s = self._marks[name]
                is_failing = bool(self._runtimes[name].trouble) and now_s - loaded_at_s > RETRY_S
                if seen != mark or is_failing:
                    await self._load(name)

    async def _load(self, name: str) -> None:
        mark = (await self._look([name]))[name]
        before = self._runtimes.get(name)
        self._marks[name] = (mark, self._monotonic_s())
        try:
            loaded = await asyncio.to_thread(self._loader.load, name, before)
        except (PolicyError, SettingsError) as error:
            logger.warning("loop %s can't be loaded as it is stored: %s", name, error)
            if before is None:
                cure = f"correct its settings with PUT /v1/loops/{name}"
                raise UnavailableError(
                    f"this loop's settings can't be served: {error}", field="loop", cure=cure
                ) from None
            loaded = replace(before, trouble=f"its settings can't be served: {error}")
        if loaded is not None:
            self._runtimes[name] = loaded
            _close_unused(before, loaded)

    async def _look(self, names: list[str]) -> dict[str, _Mark]:
        """What tells whether a loop changed, in one round trip for all of them."""
        if not names:
            return {}
        pipe = self._client.pipeline(transaction=False)
        for name in names:
            pipe.hget(keys.LOOPS, name)
            pipe.hgetall(keys.serving(name))
            pipe.get(keys.items_version(name))
        found = await pipe.execute()
        return {name: tuple(found[3 * at : 3 * at + 3]) for at, name in enumerate(names)}


def unknown_loop(name: str) -> NotFoundError:
    """The refusal for a loop that doesn't exist."""
    return NotFoundError(
        "there is no such loop",
        field="loop",
        value=shown(name),
        cure=f"an admin key makes it with PUT /v1/loops/{name}; the loop {DEFAULT_LOOP} always exists",
    )


def _close_unused(replaced: LoopRuntime | None, current: LoopRuntime) -> None:
    """Let go of a policy that nothing will ask any more; requests never hold one across an await."""
    if replaced is None or replaced.served is None:
        return
    kept = [] if current.served is None else [current.served.arm, current.served.previous]
    for arm in (replaced.served.arm, replaced.served.previous):
        close = getattr(arm.policy, "close", None) if arm is not None and all(arm is not one for one in kept) else None
        if close is not None:
            close()
