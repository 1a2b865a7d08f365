from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks.load import Target, measure
from benchmarks.processes import resident_bytes, tree


class Listening:
    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.status = 200


@pytest.fixture
def listening() -> Iterator[tuple[Listening, Target]]:
    """Something that takes slate requests and remembers them."""
    heard = Listening()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            heard.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            heard.keys.add(self.headers["authorization"])
            self.send_response(heard.status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield heard, Target(f"http://127.0.0.1:{server.server_port}", "slk_k", "bench")
        server.shutdown()


@pytest.mark.parametrize("tool", ["python", "wrk"])
def test_requests_are_what_the_benchmark_says(
    tool: str, listening: tuple[Listening, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, target = listening
    if tool == "python":
        monkeypatch.setattr(shutil, "which", lambda name: None)
    elif shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    found = measure(target, n_connections=2, seconds=1.0)
    assert found.tool == tool
    assert 0 < found.n_requests <= len(heard.bodies)
    assert found.n_refused == 0
    assert 0.0 < found.p50_ms <= found.p99_ms
    assert heard.keys == {"Bearer slk_k"}
    for body in heard.bodies:
        assert (body["loop"], body["slots"]) == ("bench", 3)
        assert len({action["id"] for action in body["actions"]}) == 10
        assert all(len(action["features"]) == 5 for action in body["actions"])
    assert len({json.dumps(body) for body in heard.bodies}) > len(heard.bodies) // 2


def test_refusals_are_counted(listening: tuple[Listening, Target], monkeypatch: pytest.MonkeyPatch) -> None:
    heard, target = listening
    heard.status = 422
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = measure(target, n_connections=1, seconds=0.2)
    assert found.n_refused == found.n_requests > 0


def test_memory_is_summed_over_descendants() -> None:
    with subprocess.Popen(["sleep", "30"]) as child:
        try:
            pids = tree(os.getpid())
            assert {os.getpid(), child.pid} <= set(pids)
            assert sum(resident_bytes(pids).values()) > 10_000_000
            assert tree(child.pid) == [child.pid]
        finally:
            child.kill()
    assert resident_bytes([child.pid]) == {}
