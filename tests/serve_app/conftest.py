"""One replica over a real, empty server, reached in process: the whole service but for Ray and sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import redis

from agent.event_log import LogReader
from agent.records import ZERO, Entry
from serve_app.auth import KeyStore, Scope
from serve_app.bootstrap import prepare
from serve_app.replica import Replica, ReplicaSettings

ADMIN_KEY = "an admin key of the tests"


@dataclass
class InProcess:
    """A replica and ways to look behind it."""

    replica: Replica
    http: httpx.AsyncClient
    redis: redis.Redis

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        if isinstance(body, bytes):
            return await self.http.request(method, path, content=body, headers=headers)
        return await self.http.request(method, path, json=body, headers=headers)

    async def slate(self, **body: Any) -> httpx.Response:
        return await self.call("POST", "/v1/slates", {"actions": ["a", "b", "c"], **body})

    async def decided(self, **body: Any) -> dict[str, Any]:
        response = await self.slate(**body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def logged(self, loop: str = "default") -> list[Entry]:
        """What the log holds beside changes of settings."""
        entries = LogReader(self.redis, loop).read(ZERO, 10_000)
        return [entry for entry in entries if type(entry.record).__name__ != "SettingsChange"]

    def key(self, *scopes: Scope, loop: str | None = None) -> str:
        return KeyStore(self.redis).create(scopes=scopes, loop=loop, name="", now_ms=1)[1]

    async def make_loop(self, name: str, **settings: Any) -> None:
        response = await self.call("PUT", f"/v1/loops/{name}", settings)
        assert response.status_code == 200, response.text


@pytest.fixture
async def service(redis_url: str, redis_client: redis.Redis) -> AsyncIterator[InProcess]:
    prepare(redis_client, ADMIN_KEY)
    replica = Replica(ReplicaSettings(redis_url=redis_url, url="http://service", body_bytes=100_000, batch_limit=8))
    await replica.open()
    transport = httpx.ASGITransport(replica.app)
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as http:
        yield InProcess(replica, http, redis_client)
    await replica.close()
