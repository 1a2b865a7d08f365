"""Configuration, learning policy, model and log in the dialects: the operations of an administrator.

The stores are blocking, so each call runs in a thread; nothing here is on the path of a decision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from redis import Redis

from agent import progress
from agent.event_log import LogReader, server_ms
from agent.log_deletion import delete_learned
from agent.loop_store import LoopStore, StoredSettings
from agent.loops import LoopSettings, PersonalizerSettings, PolicySettings
from agent.progress import Progress
from agent.records import ZERO, SettingsChange, StreamId, Tick
from agent.snapshots import SnapshotError, SnapshotStore
from serve_app.current import Loops
from serve_app.http import Reply, json_reply
from serve_app.personalizer.apprentice import metrics
from serve_app.personalizer.configuration import changed, described
from serve_app.personalizer.errors import AzureError, not_implemented
from serve_app.personalizer.policy_arguments import DEFAULT_NAME, NAME_CHARS, arguments_of, policy_of
from serve_app.personalizer.times import http_date, instant_of, ms_of
from serve_app.reading import Reader
from serve_app.routes.personalizer import NO_CONTENT, Call
from serve_app.routes.scoping import LoopResolver

OCTETS = b"application/octet-stream"


class PolicyBody(msgspec.Struct, frozen=True):
    """A learning policy; this document is also what clients import and export."""

    name: str
    arguments: str


_read_policy: Reader[PolicyBody] = Reader(PolicyBody)


class PersonalizerSettingsRoutes:
    """Administers a loop for clients of the dialects.

    Args:
        redis: A sync client.
        loops: The loops being served; refreshed after a change, so that its author sees it at once.
        resolver: Finds the loop of a key.
    """

    def __init__(self, redis: Redis, loops: Loops, resolver: LoopResolver) -> None:
        self._redis = redis
        self._store = LoopStore(redis)
        self._loops = loops
        self._resolver = resolver

    async def get_configuration(self, call: Call) -> Reply:
        """The service configuration."""
        return json_reply(await asyncio.to_thread(self._described, await self._loop(call)))

    async def put_configuration(self, call: Call) -> Reply:
        """Replace the service configuration; answers what is in force then."""
        name = await self._loop(call)
        await asyncio.to_thread(self._change, name, call.body)
        await self._loops.refresh()
        return json_reply(await asyncio.to_thread(self._described, name))

    async def get_policy(self, call: Call) -> Reply:
        """The learning policy."""
        stored = await asyncio.to_thread(self._stored, await self._loop(call))
        return json_reply(_policy(stored.settings))

    async def put_policy(self, call: Call) -> Reply:
        """Replace the learning policy; the new one learns from the log before it serves."""
        body = _read_policy.read(call.body)
        if not body.name or len(body.name) > NAME_CHARS:
            message = f"Invalid policy contract. A name has 1 to {NAME_CHARS} characters."
            raise AzureError(400, "InvalidPolicyContract", message, target="name")
        return json_reply(await self._put_policy(await self._loop(call), policy_of(body.arguments), body))

    async def reset_policy(self, call: Call) -> Reply:
        """Go back to the default policy."""
        return json_reply(await self._put_policy(await self._loop(call), LoopSettings().policy, PolicyBody("", "")))

    async def apply_policy(self, name: str, body: PolicyBody) -> None:
        """Put a policy in force, as an evaluation found it."""
        await self._put_policy(name, policy_of(body.arguments), body)

    async def get_model(self, call: Call) -> Reply:
        """The model being served, as the engine saves it."""
        if call.query.get("signed", "").lower() == "true":
            raise not_implemented("A signed model", "get the model without signed=true")
        data, published_ms = await asyncio.to_thread(self._model, await self._loop(call))
        return Reply(data, 200, OCTETS, ((b"last-modified", http_date(published_ms)),))

    async def import_model(self, call: Call) -> Reply:
        """Refused: nobody's signature is known here but none is made yet either."""
        message = "Given model file is not signed or does not have a valid signature. Models are learned from the log."
        raise AzureError(400, "InvalidModelImportSignature", message)

    async def reset_model(self, call: Call) -> Reply:
        """Learn anew, from the decisions to come alone; what was learned serves until the first of them is."""
        name = await self._loop(call)
        await asyncio.to_thread(self._reset_model, name)
        await self._loops.refresh()
        return NO_CONTENT

    async def model_properties(self, call: Call) -> Reply:
        """When the model began to learn, and when it was last published."""
        return json_reply(await asyncio.to_thread(self._model_properties, await self._loop(call)))

    async def logs_properties(self, call: Call) -> Reply:
        """From when to when there are events."""
        return json_reply(await asyncio.to_thread(self._logs_properties, await self._loop(call)))

    async def delete_logs(self, call: Call) -> Reply:
        """Delete the recorded past; the model stays, and so does what learning still needs."""
        await asyncio.to_thread(delete_learned, self._redis, await self._loop(call))
        return NO_CONTENT

    async def ingest_logs(self, call: Call) -> Reply:
        """Refused: local inference is not served."""
        raise not_implemented("Log ingestion of local inference", "call rank and reward instead")

    async def feature_importances(self, call: Call) -> Reply:
        """Refused."""
        raise not_implemented("Feature importance", "evaluations compare policies")

    async def _loop(self, call: Call) -> str:
        return (await self._resolver.of(call.principal, None)).name

    def _stored(self, name: str) -> StoredSettings:
        return _existing(self._store.current(name), name)

    def _update(self, name: str, edit: Callable[[LoopSettings], LoopSettings]) -> StoredSettings:
        return self._store.update(name, lambda before: edit(_existing(before, name).settings))

    def _described(self, name: str) -> dict[str, Any]:
        stored = self._stored(name)
        since = self._store.lineages(name)[-1].since
        report = self._report(name, stored.settings)
        return described(stored.settings, edited_at=instant_of(ms_of(since)), apprentice=metrics(report))

    def _report(self, name: str, settings: LoopSettings) -> Progress | None:
        serving = SnapshotStore(self._redis, name).serving()
        wanted = progress.read(self._redis, name, settings.learning_hash)
        return wanted if wanted or serving is None else progress.read(self._redis, name, serving.lineage)

    def _change(self, name: str, body: bytes) -> None:
        now = instant_of(server_ms(self._redis))
        self._update(name, lambda before: changed(before, body, now=now))

    async def _put_policy(self, name: str, policy: PolicySettings, body: PolicyBody) -> dict[str, str]:
        applied = await asyncio.to_thread(self._update, name, lambda before: _with_policy(before, policy, body))
        await self._loops.refresh()
        return _policy(applied.settings)

    def _model(self, name: str) -> tuple[bytes, int]:
        store = SnapshotStore(self._redis, name)
        serving = store.serving()
        if serving is None:
            raise AzureError(404, "ResourceNotFound", "Live model not found. Nothing has been learned yet.")
        try:
            return store.load(serving.version).policy, serving.published_at
        except SnapshotError as error:
            raise AzureError(500, "ModelDownloadFailed", f"Failed to download model. {error}.") from None

    def _reset_model(self, name: str) -> None:
        update = {"learn_since_ms": server_ms(self._redis)}
        self._update(name, lambda before: before.model_copy(update=update))

    def _model_properties(self, name: str) -> dict[str, str]:
        began_ms = ms_of(self._store.lineages(name)[-1].since)
        serving = SnapshotStore(self._redis, name).serving()
        published_ms = began_ms if serving is None else serving.published_at
        return {
            "creationTime": instant_of(min(began_ms, published_ms)),
            "lastModifiedTime": instant_of(published_ms),
        }

    def _logs_properties(self, name: str) -> dict[str, Any]:
        log = LogReader(self._redis, name)
        first, last = _first_event(log), log.last_id()
        if first is None:
            raise AzureError(404, "LogsPropertiesNotFound", "Log properties not found. There are no events yet.")
        return {"dateRange": {"from": instant_of(first.ms), "to": instant_of(last.ms)}}


def _existing(stored: StoredSettings | None, name: str) -> StoredSettings:
    if stored is None:
        raise AzureError(404, "ResourceNotFound", f"There is no loop {name}.")
    return stored


def _with_policy(before: LoopSettings, policy: PolicySettings, body: PolicyBody) -> LoopSettings:
    if policy.start not in ("", before.policy.start):
        message = "A trained agent is put in force with the loop's settings, not here; leave start out."
        raise AzureError(400, "InvalidPolicyConfiguration", message, target="arguments")
    kept = before.personalizer.model_dump() | {"policy_name": body.name, "policy_arguments": body.arguments}
    return before.model_copy(update={"policy": policy, "personalizer": PersonalizerSettings.model_validate(kept)})


def _first_event(log: LogReader) -> StreamId | None:
    """Where the first entry stands that a client had written."""
    position, n_read = ZERO, 100
    while True:
        batch = log.read(position, n_read)
        for entry in batch:
            if not isinstance(entry.record, SettingsChange | Tick):
                return entry.id
        if len(batch) < n_read:
            return None
        position = batch[-1].id


def _policy(settings: LoopSettings) -> dict[str, str]:
    return {"name": settings.personalizer.policy_name or DEFAULT_NAME, "arguments": arguments_of(settings)}
