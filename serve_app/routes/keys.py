"""API keys: list, make, revoke. To rotate a key, make its successor, hand it out, revoke the old one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from serve_app.access import Access
from serve_app.admin_wire import Deleted, KeyAnswer, KeyRequest, KeysAnswer
from serve_app.auth import ApiKey, KeyStore, Principal
from serve_app.errors import ForbiddenError, NotFoundError, shown
from serve_app.http import Ask, Reply, json_reply
from serve_app.reading import Reader

_read_key: Reader[KeyRequest] = Reader(KeyRequest)


class KeyRoutes:
    """Administers API keys.

    Args:
        store: Where they are kept.
        access: This replica's copy; refreshed after a change.
        clock_ms: Dates new keys, in Unix milliseconds.
    """

    def __init__(
        self, store: KeyStore, access: Access, *, clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._store = store
        self._access = access
        self._clock_ms = clock_ms

    async def list_keys(self, ask: Ask) -> Reply:
        """Every key that the asking key may see, without secrets."""
        found = await asyncio.to_thread(self._store.all)
        return json_reply(KeysAnswer([_described(key) for key in found if _may_touch(ask.who, key)]))

    async def create(self, ask: Ask) -> Reply:
        """Make a key; one bound to a loop makes only keys of that loop."""
        wanted = _read_key.read(ask.body)
        if ask.who.loop is not None and wanted.loop != ask.who.loop:
            raise ForbiddenError(
                f"key {ask.who.id} makes only keys for the loop {ask.who.loop}",
                field="loop",
                value=shown(wanted.loop),
                cure=f"set loop to {ask.who.loop}",
            )
        scopes = tuple(dict.fromkeys(wanted.scopes))
        record, key = await asyncio.to_thread(
            lambda: self._store.create(scopes=scopes, loop=wanted.loop, name=wanted.name, now_ms=self._clock_ms())
        )
        await self._access.refresh()
        return json_reply(_described(record, key), status=201)

    async def revoke(self, ask: Ask) -> Reply:
        """End a key."""
        key_id = ask.params["id"]
        found = {key.id: key for key in await asyncio.to_thread(self._store.all)}
        if key_id not in found or not _may_touch(ask.who, found[key_id]):
            raise NotFoundError(
                "there is no key with this id", field="id", value=shown(key_id), cure="list them with GET /v1/keys"
            )
        await asyncio.to_thread(self._store.revoke, key_id)
        await self._access.refresh()
        return json_reply(Deleted(1))


def _may_touch(principal: Principal, key: ApiKey) -> bool:
    return principal.loop is None or key.loop == principal.loop


def _described(record: ApiKey, key: str = "") -> KeyAnswer:
    return KeyAnswer(record.id, list(record.scopes), record.loop, record.name, record.created_at / 1000, key)
