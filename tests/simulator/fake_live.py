"""A loop behind HTTP that decides in the order offered and has learned every decision at once."""

from __future__ import annotations

import json
from typing import Any

import httpx

from agent.loops import LoopSettings
from tests.serve_app.fake_http import FakeHttp, problem, slate, stored


class LiveLoop:
    """Arms take turns; ``n_before`` experiences were learned before."""

    def __init__(self, n_before: int = 0) -> None:
        self.n_before = n_before
        self.settings: dict[str, float] = {}
        self.recipe: list[str] = []
        self.policy: dict[str, Any] = {}
        self.decided: list[dict[str, Any]] = []
        self.rewarded: list[list[dict[str, Any]]] = []
        self.ended: list[str] = []
        self.http = _Routed(self)

    def answer(self, method: str, path: str, body: Any) -> httpx.Response:
        if (method, path) == ("POST", "/v1/slates"):
            self.decided.append(body)
            ids = [action["id"] for action in body["actions"]][: body["slots"]]
            found = slate(body["event_id"], *ids)
            arms = list(self.settings)
            return httpx.Response(200, json={**found, "variant": arms[len(self.decided) % len(arms)]})
        if (method, path) == ("POST", "/v1/rewards"):
            self.rewarded.append(body)
            return httpx.Response(202, json={"accepted": len(body)})
        if method == "POST" and path.endswith("/end"):
            self.ended.append(path.split("/")[3])
            return httpx.Response(202, json={})
        if method == "PUT":
            settings = LoopSettings.model_validate(body)
            self.settings = dict(settings.variants)
            self.recipe = list(settings.reward.recipe)
            self.policy = settings.policy.model_dump()
            return httpx.Response(200, json=stored(path.rsplit("/", 1)[1], 1, **body))
        if path.endswith("/status"):
            return httpx.Response(200, json=self._status(path.split("/")[3]))
        return problem(404, detail=f"no route {method} {path}")

    def _status(self, loop: str) -> dict[str, Any]:
        n_learned = self.n_before + len(self.decided)
        serving = {"version": f"v{n_learned}", "n_learned": n_learned} if n_learned else None
        return {"loop": loop, "settings_version": 1, "serving": serving}


class _Routed(FakeHttp):
    def __init__(self, loop: LiveLoop) -> None:
        super().__init__()
        self._loop = loop

    def _routed(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        return self._loop.answer(request.method, request.url.raw_path.decode(), body)
