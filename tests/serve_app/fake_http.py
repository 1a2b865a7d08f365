"""A service that answers from a script: what an httpx transport sees, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx

Answer = httpx.Response | Exception
Handler = Callable[[httpx.Request], Answer]


class FakeHttp:
    """Gives the scripted answers first, then what the routes say; remembers every request."""

    def __init__(self, *script: Answer, routes: dict[tuple[str, str], Any] | None = None) -> None:
        self.script = list(script)
        self.routes = routes or {}
        self.requests: list[httpx.Request] = []

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) if request.content else None for request in self.requests]

    def asked(self) -> Sequence[tuple[str, str]]:
        return [(request.method, request.url.raw_path.decode()) for request in self.requests]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.script.pop(0) if self.script else self._routed(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _routed(self, request: httpx.Request) -> httpx.Response:
        key = (request.method, request.url.raw_path.decode())
        if key not in self.routes:
            return problem(404, detail=f"no route {key}")
        return httpx.Response(200, json=self.routes[key])


def problem(status: int, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    """A problem document."""
    content = json.dumps({"type": "urn:test", "title": "Wrong", "status": status, **fields})
    kind = {"content-type": "application/problem+json", **(headers or {})}
    return httpx.Response(status, content=content, headers=kind)


def not_there_yet(path: str = "/v1/loops") -> httpx.Response:
    """What Ray Serve answers before the service is there."""
    text = f"Path '{path}' not found. Ping http://.../-/routes for available routes."
    return httpx.Response(404, text=text)


def slate(event_id: str = "e1", *ids: str) -> dict[str, Any]:
    """A slate as the service sends it."""
    items = [{"id": one, "propensity": 0.5} for one in ids or ("a1",)]
    return {"event_id": event_id, "slate": items, "policy": "vw", "version": "v7", "variant": "learned"}


def stored(loop: str, version: int = 1, **settings: Any) -> dict[str, Any]:
    """One version of a loop's settings as the service sends it."""
    return {"loop": loop, "version": version, "learning_hash": "abc", "settings": settings}
