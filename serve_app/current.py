"""The loops this process serves: loaded when first asked for, kept current, swapped whole.

In: loop names from requests, and word from Redis that something changed. Out: a ``LoopRuntime`` by one dictionary
look-up. Loading happens in a thread; the swap is one assignment on the event loop, between two requests.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import redis.asyncio
from redis import RedisError

from agent import keys
from agent.loops import DEFAULT_LOOP, SettingsError
from policies.base import PolicyError
from policies.spelling import meant
from serve_app.errors import NotFoundError, UnavailableError, shown
from serve_app.loading import Loader
from serve_app.loop_runtime import LoopRuntime

logger = logging.getLogger("slateloop.current")

RETRY_S = 5.0
"""A snapshot that can't be served is tried again after this long."""

CLOSE_AFTER_S = 2.0
"""A policy that was replaced is closed after this long: a request that waits for Redis may still hold it."""

_N_NAMED = 20
"""Loops that a refusal names."""

UNKNOWN_S = 1.0
"""The name of no loop is looked up again after this long, or at the next refresh."""

_MAX_UNKNOWN = 1000

_Mark = tuple[Any, ...]


class Loops:
    """What is served now, loop by loop.

    Args:
        loader: Reads a loop, blocking.
        client: An asyncio client, for one cheap look at what changed.
        monotonic_s: The clock that spaces retries and dates what is let go.
    """

    def __init__(
        self, loader: Loader, client: redis.asyncio.Redis, *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._loader = loader
        self._client = client
        self._monotonic_s = monotonic_s
        self._runtimes: dict[str, LoopRuntime] = {}
        self._marks: dict[str, tuple[_Mark, float]] = {}
        self._unknown: dict[str, float] = {}
        self._retired: deque[tuple[float, Callable[[], None]]] = deque()
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
        await self._check_exists(name)
        async with self._lock:
            if name not in self._runtimes:
                await self._load(name)
        if name not in self._runtimes:
            raise unknown_loop(name)
        return self._runtimes[name]

    async def refresh(self) -> None:
        """Reload every loop whose settings, snapshot or catalogue changed since it was loaded.

        A loop that can't be reloaded now goes on as it is and is tried again; the others don't wait for it.
        """
        self._unknown.clear()
        async with self._lock:
            self._close_retired()
            marks = await self._look(list(self._runtimes))
            now_s = self._monotonic_s()
            for name, mark in marks.items():
                seen, loaded_at_s = self._marks[name]
                is_failing = bool(self._runtimes[name].trouble) and now_s - loaded_at_s > RETRY_S
                if seen != mark or is_failing:
                    await self._reload(name)

    async def _check_exists(self, name: str) -> None:
        """Refuse the name of no loop, cheaply and without keeping anyone else waiting."""
        now_s = self._monotonic_s()
        if now_s - self._unknown.get(name, float("-inf")) < UNKNOWN_S:
            raise unknown_loop(name)
        pipe = self._client.pipeline(transaction=False)
        pipe.hexists(keys.LOOPS, name)
        if not (await pipe.execute())[0]:
            if len(self._unknown) >= _MAX_UNKNOWN:
                self._unknown.clear()
            self._unknown[name] = now_s
            raise unknown_loop(name)

    async def _reload(self, name: str) -> None:
        try:
            await self._load(name)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("loop %s can't be read now and is tried again: %s", name, error)
        except Exception:
            # One loop's defect must not keep the others from following changes; it is tried again, but not at once.
            logger.exception("loop %s can't be reloaded, what it has goes on serving", name)
            self._runtimes[name] = replace(self._runtimes[name], trouble="reloading it failed; see the replica's log")
            self._marks[name] = (self._marks[name][0], self._monotonic_s())

    async def _load(self, name: str) -> None:
        mark = (await self._look([name]))[name]
        before = self._runtimes.get(name)
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
            self._retire(before, loaded)
        if name in self._runtimes:
            self._marks[name] = (mark, self._monotonic_s())

    def _retire(self, before: LoopRuntime | None, loaded: LoopRuntime) -> None:
        closes_at_s = self._monotonic_s() + CLOSE_AFTER_S
        self._retired.extend((closes_at_s, close) for close in _unused(before, loaded))

    def _close_retired(self) -> None:
        while self._retired and self._retired[0][0] <= self._monotonic_s():
            self._retired.popleft()[1]()

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


def unknown_loop(name: str, existing: Sequence[str] = ()) -> NotFoundError:
    """The refusal for a loop that doesn't exist; ``existing`` are named, so only those that the key may see."""
    these = f"; these exist: {', '.join(existing[:_N_NAMED])}{meant(name, existing)}" if existing else ""
    return NotFoundError(
        f"there is no such loop{these}",
        field="loop",
        value=shown(name),
        cure=f"an admin key makes it with PUT /v1/loops/{name}; the loop {DEFAULT_LOOP} always exists",
    )


def _unused(replaced: LoopRuntime | None, current: LoopRuntime) -> Iterator[Callable[[], None]]:
    """What closes each policy that no new request will ask."""
    if replaced is None or replaced.served is None:
        return
    kept = [] if current.served is None else [current.served.arm, current.served.previous]
    for arm in (replaced.served.arm, replaced.served.previous):
        close = getattr(arm.policy, "close", None) if arm is not None and all(arm is not one for one in kept) else None
        if close is not None:
            yield close
