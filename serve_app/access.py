"""Who may ask, and whose event ids are ours: API keys and signing keys in memory, kept current.

In: the two hashes in Redis, read together. Out: a ``Principal`` for each request, and the ``Signer`` in use.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import redis.asyncio

from agent import keys
from serve_app.auth import KeyRing, Principal, decode_keys
from serve_app.errors import UnauthenticatedError
from serve_app.tokens import Signer, signer_from

FRESH_S = 2.0
"""Keys are read again after this long, whether or not word of a change came."""

SOON_S = 0.05
"""Unknown keys make them read again this often at most."""

Headers = Iterable[tuple[bytes, bytes]]


class Access:
    """The keys of the service.

    Args:
        client: An asyncio client without decoded responses.
        monotonic_s: The clock that tells how old the copy is.
    """

    def __init__(self, client: redis.asyncio.Redis, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic_s = monotonic_s
        self._read_at_s = float("-inf")
        self._ring = KeyRing(())
        self._again = asyncio.Lock()
        self._signer: Signer | None = None

    @property
    def signer(self) -> Signer:
        """Signs and verifies event ids; ``refresh`` must have run once."""
        if self._signer is None:
            raise RuntimeError("access was never refreshed: no signing key is known")
        return self._signer

    async def identify(self, headers: Headers) -> Principal:
        """Who is asking.

        A key that isn't known may have been made a moment ago by another replica: the keys are then read again, once
        for all who ask at the time, ``SOON_S`` apart at least.

        Raises:
            UnauthenticatedError: no key, or no such key.
        """
        try:
            return self._ring.identify(headers)
        except UnauthenticatedError:
            await self._refresh_since(self._monotonic_s())
        return self._ring.identify(headers)

    async def _refresh_since(self, asked_at_s: float) -> None:
        """Read the keys again unless that was begun after this moment."""
        async with self._again:
            if self._read_at_s < asked_at_s:
                await asyncio.sleep(self._read_at_s + SOON_S - asked_at_s)
                await self.refresh()

    async def refresh_when_old(self) -> None:
        """Read the keys again if the copy is older than ``FRESH_S``."""
        if self._monotonic_s() - self._read_at_s > FRESH_S:
            await self.refresh()

    async def refresh(self) -> None:
        """Read the keys again, now."""
        self._read_at_s = self._monotonic_s()
        pipe = self._client.pipeline(transaction=False)
        pipe.hgetall(keys.API_KEYS)
        pipe.hgetall(keys.SIGNING_KEYS)
        api_keys, signing = await pipe.execute()
        self._ring = KeyRing(decode_keys(api_keys))
        self._signer = signer_from(signing)
