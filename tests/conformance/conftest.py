"""The real service, for the old service's own client packages."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import pytest

from serve_app.ray_runtime import free_ports
from serve_app.service import start
from serve_app.settings import ServiceSettings

ADMIN_KEY = "conformance-admin-key-0123456789"


@dataclass(frozen=True)
class Live:
    """A running service.

    Attributes:
        url: As a client of the old service is told it: host and port, nothing else.
    """

    url: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Our own API, as admin."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, {"authorization": f"Bearer {ADMIN_KEY}"}, method=method)
        with urlopen(request, timeout=20) as response:
            return json.load(response)

    def key_of(self, loop: str, **settings: Any) -> str:
        """Make a loop, and a key that opens it and no other."""
        self.call("PUT", f"/v1/loops/{loop}", settings)
        key: str = self.call("POST", "/v1/keys", {"scopes": ["admin"], "loop": loop})["key"]
        return key

    def status(self, loop: str) -> Any:
        return self.call("GET", f"/v1/loops/{loop}/status")


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    port = free_ports(1, random.SystemRandom())[0]
    settings = ServiceSettings(port=port, data_dir=tmp_path_factory.mktemp("data"), admin_key=ADMIN_KEY)
    with start(settings) as service:
        yield Live(service.url)


@pytest.fixture(scope="package")
def fresh_key(live: Live) -> Callable[..., str]:
    """A key of a loop that nobody else uses, with a short window unless told otherwise."""
    n_made = 0

    def make(**settings: Any) -> str:
        nonlocal n_made
        n_made += 1
        chosen = {"reward": {"window_s": 0.3, "min": -1.0}, "variants": {"learned": 1.0}, **settings}
        return live.key_of(f"conformance-{n_made}", **chosen)

    return make
