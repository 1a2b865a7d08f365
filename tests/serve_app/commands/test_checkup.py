from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from serve_app.commands import checkup
from serve_app.commands.checkup import Finding
from serve_app.settings import ServiceSettings


@contextmanager
def answering(status: int, kind: str, body: str) -> Iterator[int]:
    """A server that always says the same, and its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def seen(found: Finding) -> tuple[str, str]:
    return found.state, found.detail


def test_a_free_port_is_well() -> None:
    port = free_port()
    assert seen(checkup.service(ServiceSettings(port=port))) == (
        "ok",
        f"none runs on http://127.0.0.1:{port}; the port is free",
    )


def test_a_held_port_that_answers_nothing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "ANSWER_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as held:
        found = checkup.service(ServiceSettings(port=held.getsockname()[1]))
    assert found.state == "failure"
    assert "port can't be used" in found.detail
    assert "--port" in found.cure


@pytest.mark.parametrize(
    ("status", "kind", "body", "state", "says"),
    [
        (200, "application/json", '{"ready": true}', "ok", "is ready"),
        (503, "application/problem+json", '{"detail": "the datastore is away"}', "failure", "the datastore is away"),
        (404, "text/html", "<html>", "failure", "something else answers"),
    ],
)
def test_what_answers_is_told(status: int, kind: str, body: str, state: str, says: str) -> None:
    with answering(status, kind, body) as port:
        found = checkup.service(ServiceSettings(port=port))
    assert found.state == state
    assert says in found.detail


def test_a_missing_package_is_named() -> None:
    found = checkup.packages(("numpy", "no-such-package"))
    assert seen(found) == ("failure", "missing: no-such-package")
    assert checkup.packages().state == "ok"


def test_the_data_folder_must_be_writable(tmp_path: Path) -> None:
    assert checkup.data_dir(tmp_path / "not" / "yet").state == "ok"
    assert not (tmp_path / "not").exists()
    file = tmp_path / "file"
    file.write_text("")
    assert checkup.data_dir(file / "below").state == "failure"


def test_the_datastore_is_found_or_explained(redis_url: str) -> None:
    assert checkup.datastore(None).detail.startswith("starts ")
    assert checkup.datastore(redis_url).state == "ok"
    found = checkup.datastore(f"redis://127.0.0.1:{free_port()}/0")
    assert found.state == "failure"
    assert "can't be used" in found.detail


def test_little_memory_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_available_bytes", lambda: 2**30)
    assert seen(checkup.memory()) == ("warning", "1.0 GiB available")
    monkeypatch.setattr(checkup, "_available_bytes", lambda: None)
    assert checkup.memory().state == "ok"


def test_without_haproxy_the_slower_path_is_announced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("RAY_SERVE_HAPROXY_BINARY_PATH", raising=False)
    found = checkup.haproxy()
    assert (found.state, "slower path" in found.detail) == ("warning", True)
