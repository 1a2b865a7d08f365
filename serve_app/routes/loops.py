"""Loops, their settings, snapshots and catalogues: the routes of an administrator.

The stores are blocking, so each call runs in a thread; nothing here is on the path of a decision.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
from redis import Redis

from agent.arms import LEARNED
from agent.catalogue import Catalogue
from agent.log_deletion import delete_learned
from agent.loop_store import LoopStore, StoredSettings
from agent.loops import LoopSettings, SettingsError, parse
from agent.records import ZERO
from agent.snapshots import SnapshotError, SnapshotStore
from policies import features, registry
from policies.spelling import meant
from serve_app.admin_wire import (
    Deleted,
    ItemsPage,
    ItemsRequest,
    ItemsStored,
    LogDeleted,
    LoopAnswer,
    LoopListed,
    LoopsAnswer,
    RollbackRequest,
    ServingAnswer,
    SnapshotAnswer,
    SnapshotsAnswer,
    VersionsAnswer,
    WireItem,
)
from serve_app.auth import Principal
from serve_app.current import Loops
from serve_app.errors import NotFoundError, RequestError, UnprocessableError, shown
from serve_app.http import Ask, Reply, json_reply
from serve_app.reading import Reader
from serve_app.routes.agents import require_start
from serve_app.routes.scoping import LoopResolver
from serve_app.rows import read_features

_read_settings: Reader[dict[str, Any]] = Reader(dict[str, Any])
_read_items: Reader[ItemsRequest] = Reader(ItemsRequest)
_read_rollback: Reader[RollbackRequest] = Reader(RollbackRequest)

_MAX_PAGE = 1000
_MAX_NUMBER = 2**64 - 1


class LoopRoutes:
    """Administers loops.

    Args:
        redis: A sync client.
        loops: The loops being served; refreshed after a change, so that its author sees it at once.
        resolver: Checks that the key may touch the loop.
    """

    def __init__(self, redis: Redis, loops: Loops, resolver: LoopResolver) -> None:
        self._redis = redis
        self._store = LoopStore(redis)
        self._loops = loops
        self._resolver = resolver

    async def list_loops(self, ask: Ask) -> Reply:
        """Every loop that the key may see."""
        listed = await asyncio.to_thread(self._listed, ask.who)
        return json_reply(LoopsAnswer(listed))

    async def get(self, ask: Ask) -> Reply:
        """A loop's settings in force."""
        name = await self._name(ask)
        stored = await asyncio.to_thread(self._store.current, name)
        return json_reply(_described(name, _existing(stored, name)))

    async def put(self, ask: Ask) -> Reply:
        """Make a loop, or change its settings."""
        name = ask.params["loop"]
        ask.who.require_loop(name)
        settings = check_settings(_read_settings.read(ask.body))
        await asyncio.to_thread(require_start, self._redis, name, settings)
        try:
            stored = await asyncio.to_thread(self._store.apply, name, settings)
        except SettingsError as error:
            raise UnprocessableError(str(error), field="loop", value=shown(name), cure="choose another name") from None
        await self._loops.refresh()
        return json_reply(_described(name, stored))

    async def versions(self, ask: Ask) -> Reply:
        """Every version of a loop's settings."""
        name = await self._name(ask)
        stored = await asyncio.to_thread(self._store.versions, name)
        return json_reply(VersionsAnswer([_described(name, one) for one in stored]))

    async def snapshots(self, ask: Ask) -> Reply:
        """The snapshots that are kept."""
        name = await self._name(ask)
        kept = await asyncio.to_thread(SnapshotStore(self._redis, name).kept)
        listed = [
            SnapshotAnswer(one.version, one.lineage, one.n_learned, one.published_at / 1000, one.n_bytes)
            for one in kept
        ]
        return json_reply(SnapshotsAnswer(listed))

    async def roll_back(self, ask: Ask) -> Reply:
        """Serve a kept snapshot and pin it."""
        name = await self._name(ask)
        version = _read_rollback.read(ask.body).version
        try:
            serving = await asyncio.to_thread(SnapshotStore(self._redis, name).roll_back, version)
        except SnapshotError as error:
            cure = f"GET /v1/loops/{name}/snapshots lists the versions that are kept"
            raise UnprocessableError(str(error), field="version", value=shown(version), cure=cure) from None
        await self._loops.refresh()
        return json_reply(ServingAnswer(serving.version, serving.pinned))

    async def release(self, ask: Ask) -> Reply:
        """End a rollback."""
        name = await self._name(ask)
        serving = await asyncio.to_thread(SnapshotStore(self._redis, name).release)
        await self._loops.refresh()
        return json_reply(
            ServingAnswer("", False) if serving is None else ServingAnswer(serving.version, serving.pinned)
        )

    async def delete_log(self, ask: Ask) -> Reply:
        """Delete of the log what no learner needs any more."""
        done = await asyncio.to_thread(delete_learned, self._redis, await self._name(ask))
        return json_reply(LogDeleted(done.n_deleted, str(done.first) if done.first > ZERO else "", done.why))

    async def put_items(self, ask: Ask) -> Reply:
        """Keep items; all or none."""
        runtime = await self._resolver.of(ask.who, ask.params["loop"])
        checked: dict[str, bytes] = {}
        for place, item in enumerate(_read_items.read(ask.body).items):
            found = read_features(item.features, runtime.settings.limits, field=f"items[{place}].features")
            checked[item.id] = features.canonical(found)
        n_new = await asyncio.to_thread(Catalogue(self._redis, runtime.name).put, checked)
        await self._loops.refresh()
        return json_reply(ItemsStored(len(checked), n_new))

    async def get_items(self, ask: Ask) -> Reply:
        """Read the catalogue, page by page."""
        name = await self._name(ask)
        query = ask.query_values()
        cursor, count = _number(query.get("cursor", "0"), "cursor"), _number(query.get("count", "500"), "count")
        page = await asyncio.to_thread(Catalogue(self._redis, name).page, cursor, max(1, min(count, _MAX_PAGE)))
        items = [WireItem(item_id, msgspec.Raw(data)) for item_id, data in page.items.items()]
        return json_reply(ItemsPage(items, page.cursor))

    async def delete_item(self, ask: Ask) -> Reply:
        """Forget an item."""
        name = await self._name(ask)
        n_deleted = await asyncio.to_thread(Catalogue(self._redis, name).delete, [ask.params["item"]])
        await self._loops.refresh()
        return json_reply(Deleted(n_deleted))

    async def _name(self, ask: Ask) -> str:
        """The loop in the path; it exists and the key may touch it."""
        name = ask.params["loop"]
        ask.who.require_loop(name)
        try:
            await self._resolver.of(ask.who, name)
        except NotFoundError:
            raise
        except RequestError:
            pass  # its settings can't be served; they must still be readable and correctable
        return name

    def _listed(self, principal: Principal) -> list[LoopListed]:
        names = [name for name in self._store.names() if principal.loop in (None, name)]
        return [LoopListed(name, stored.version) for name in names if (stored := self._store.current(name))]


def check_settings(data: dict[str, Any]) -> LoopSettings:
    """Validated settings, their policy and variants included.

    Raises:
        UnprocessableError: listing every problem.
    """
    try:
        settings = parse(data)
    except SettingsError as error:
        raise _wrong_settings(error.problems) from None
    problems = [f"policy.{one}" for one in registry.problems(settings.policy.kind, settings.policy.options)]
    static = [kind for kind in registry.kinds() if registry.is_static(kind)]
    problems += [
        f"variants.{name}: no such arm; choose {LEARNED} or one of {', '.join(static)}{meant(name, (LEARNED, *static))}"
        for name in settings.variants
        if name != LEARNED and name not in static
    ]
    if problems:
        raise _wrong_settings(problems)
    return settings


def _wrong_settings(problems: list[str]) -> UnprocessableError:
    fields = [one.removeprefix("settings: ") for one in problems]
    field = fields[0].partition(":")[0]
    return UnprocessableError("; ".join(fields), field=field, cure="correct each of these and send it again")


def _described(name: str, stored: StoredSettings) -> LoopAnswer:
    settings = json.loads(stored.settings.to_json())
    return LoopAnswer(name, stored.version, stored.settings.learning_hash, settings)


def _existing(stored: StoredSettings | None, name: str) -> StoredSettings:
    if stored is None:
        raise NotFoundError("there is no such loop", field="loop", value=shown(name), cure="GET /v1/loops lists them")
    return stored


def _number(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise UnprocessableError("not a number", field=field, value=shown(text), cure="send a whole number from 0 on")
    if int(text) > _MAX_NUMBER:
        cure = "send the cursor that the page before gave"
        raise UnprocessableError("the number is too large", field=field, value=shown(text), cure=cure)
    return int(text)
