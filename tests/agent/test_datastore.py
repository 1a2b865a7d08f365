"""Finding a datastore and keeping our own alive, with real server processes."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from agent.connection import connect
from agent.datastore import DatastoreError, DatastoreSettings, check, memory, open_datastore
from agent.server_binary import bundled_path

_SERVICE = """
import os, pathlib, signal, sys
from agent.datastore import DatastoreSettings, open_datastore
store = open_datastore(DatastoreSettings(data_dir=pathlib.Path(sys.argv[1])))
print(store.pid, flush=True)
if sys.argv[2] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
store.stop()
"""


@contextmanager
def _service(data_dir: Path, then: str) -> Iterator[subprocess.Popen[str]]:
    """A service in a process of its own, which dies at once or lives until the block ends."""
    command = [sys.executable, "-c", _SERVICE, str(data_dir), then]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        yield service


@contextmanager
def _left_server(data_dir: Path) -> Iterator[int]:
    """Process id of a server whose service was killed."""
    with _service(data_dir, "die") as service:
        assert service.stdout is not None
        left = int(service.stdout.readline())
    assert service.returncode == -signal.SIGKILL
    try:
        yield left
    finally:
        if _is_alive(left):
            os.kill(left, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped doesn't."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:1] not in ("", "Z")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.002)


def test_data_survives_a_stop(tmp_path: Path) -> None:
    settings = DatastoreSettings(data_dir=tmp_path)
    with open_datastore(settings) as store, connect(store.url) as client:
        pid = store.pid
        assert (store.is_embedded, store.was_adopted, store.n_restarts) == (True, False, 0)
        client.set("kept", "yes")
    store.stop()
    assert pid is not None
    assert not _is_alive(pid)
    with open_datastore(settings) as store, connect(store.url) as client:
        assert client.get("kept") == b"yes"


def test_the_server_is_durable_private_and_deaf_to_ctrl_c(tmp_path: Path) -> None:
    with open_datastore(DatastoreSettings(data_dir=tmp_path)) as store, connect(store.url) as client:
        asked = ["appendonly", "appendfsync", "save", "maxmemory-policy", "port", "unixsocketperm"]
        values = {"appendonly": "yes", "appendfsync": "everysec", "save": "", "maxmemory-policy": "noeviction"}
        assert client.config_get(*asked) == values | {"port": "0", "unixsocketperm": "700"}
        assert store.pid is not None
        assert os.getsid(store.pid) != os.getsid(0)
        assert (tmp_path / "datastore").stat().st_mode & 0o077 == 0


def test_writing_through_is_a_setting(tmp_path: Path) -> None:
    with (
        open_datastore(DatastoreSettings(data_dir=tmp_path, fsync="always")) as store,
        connect(store.url) as client,
    ):
        assert client.config_get("appendfsync") == {"appendfsync": "always"}


def test_a_port_asks_for_a_password(tmp_path: Path) -> None:
    port = _free_port()
    with open_datastore(DatastoreSettings(data_dir=tmp_path, port=port)) as store:
        with connect(store.url) as client:
            assert client.ping()
        with connect(f"redis://127.0.0.1:{port}/0") as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_a_long_folder_name_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / "and ünusual"
    with open_datastore(DatastoreSettings(data_dir=deep)) as store, connect(store.url) as client:
        assert client.ping()
        assert str(deep) not in store.url


def test_a_killed_server_is_started_again(quick_disk: Path) -> None:
    with open_datastore(DatastoreSettings(data_dir=quick_disk / "killed")) as store, connect(store.url) as client:
        client.set("kept", "yes")
        for n in range(1, 4):
            assert store.pid is not None
            os.kill(store.pid, signal.SIGKILL)
            _until(lambda n=n: store.n_restarts == n)  # type: ignore[misc]  # mypy can't see that n is an int
            assert client.get("kept") == b"yes"


def test_a_stop_while_the_server_is_down_is_a_stop(tmp_path: Path) -> None:
    with open_datastore(DatastoreSettings(data_dir=tmp_path)) as store:
        pid = store.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert store.pid is None
    open_datastore(DatastoreSettings(data_dir=tmp_path)).stop()


def test_a_server_that_a_dead_service_left_is_adopted(tmp_path: Path) -> None:
    settings = DatastoreSettings(data_dir=tmp_path, fsync="always")
    with _left_server(tmp_path) as left, open_datastore(settings) as store, connect(store.url) as client:
        assert (store.was_adopted, store.pid) == (True, left)
        assert client.config_get("appendfsync") == {"appendfsync": "always"}, "as set now, not as it was started"
        client.set("kept", "yes")
        os.kill(left, signal.SIGKILL)
        _until(lambda: store.n_restarts == 1)
        assert store.pid != left
        assert client.get("kept") == b"yes"


def test_an_adopted_server_is_stopped_with_the_service(tmp_path: Path) -> None:
    with _left_server(tmp_path) as left:
        with open_datastore(DatastoreSettings(data_dir=tmp_path)) as store:
            assert store.pid == left
            assert _is_alive(left)
        assert not _is_alive(left)


def test_a_left_server_with_another_address_is_replaced(tmp_path: Path) -> None:
    settings = DatastoreSettings(data_dir=tmp_path, port=_free_port())
    with _left_server(tmp_path) as left, open_datastore(settings) as store, connect(store.url) as client:
        assert client.ping()
        assert store.url.startswith("redis://")
        assert not _is_alive(left)


def test_a_rewrite_that_outlives_its_server_is_ended(tmp_path: Path) -> None:
    """A killed server's child would go on writing for minutes, and hold the folder for as long."""
    with open_datastore(DatastoreSettings(data_dir=tmp_path)) as store, connect(store.url) as client:
        client.mset({f"k{n}": "x" for n in range(1000)})
        client.config_set("rdb-key-save-delay", str(60_000_000 // 1000))  # the rewrite takes a minute
        client.bgrewriteaof()
        _until(lambda: any((tmp_path / "datastore").glob("temp-*")))
        time.sleep(0.3)  # at its first key it would notice that nobody waits for it
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        _until(lambda: store.n_restarts == 1)
        assert client.dbsize() == 1000
        assert not list((tmp_path / "datastore").glob("temp-*"))


def test_a_folder_in_use_is_refused_by_name(tmp_path: Path) -> None:
    with _service(tmp_path, "live") as service:
        assert service.stdout is not None
        server = int(service.stdout.readline())
        with pytest.raises(DatastoreError, match=rf"process {service.pid}\b.*--data-dir"):
            open_datastore(DatastoreSettings(data_dir=tmp_path))
        assert _is_alive(server), "the refusal touches nothing"


def test_a_server_that_refuses_is_quoted(tmp_path: Path) -> None:
    settings = DatastoreSettings(data_dir=tmp_path)
    with open_datastore(settings) as store, connect(store.url) as client:
        client.set("kept", "yes")
    [log] = (tmp_path / "datastore" / "appendonlydir").glob("*.incr.aof")
    sound = log.read_bytes()
    log.write_bytes(b"this is no such file\r\n" + sound)
    with pytest.raises(DatastoreError, match=r"(?s)did not start.*Bad file format"):
        open_datastore(settings)
    log.write_bytes(sound)
    with open_datastore(settings) as store, connect(store.url) as client:
        assert client.get("kept") == b"yes"


def test_a_port_in_use_is_quoted(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = DatastoreSettings(data_dir=tmp_path, port=taken.getsockname()[1])
        with pytest.raises(DatastoreError, match=r"(?s)did not start.*in use"):
            open_datastore(settings)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatastoreError, match="--data-dir"):
        open_datastore(DatastoreSettings(data_dir=tmp_path / "file"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://user:secret@127.0.0.1:1/0", r"redis://user:\*\*\*@127.0.0.1:1/0 can't be used: .*refused.*running"),
        ("unix:///nobody/here", "No such file"),
        ("http://:secret@localhost", "is not the URL of a Redis server; write"),
        ("redis://:se/cret@localhost:1", "percent-encoded"),
        ("redis://:secret@host.invalid:1", "can't be used"),
        ("", "is not the URL"),
    ],
)
def test_a_wrong_url_is_named_without_its_password(url: str, words: str) -> None:
    with pytest.raises(DatastoreError, match=words) as caught:
        open_datastore(DatastoreSettings(url=url))
    assert not re.search("se/?cret", str(caught.value))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_none_is_refused_in_time(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(answer)
                peer.recv(1000 if not answer else 1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(DatastoreError, match=r"did not answer|can't be used"):
            check(f"redis://127.0.0.1:{listener.getsockname()[1]}/0", timeout_s=1.0)
        assert time.monotonic() - began < 5.0  # the promise, with room: the limit asked for is 1 s
        thread.join()


def test_a_good_url_is_used_and_left_running(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with connect(redis_url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
        with open_datastore(DatastoreSettings(url=redis_url)) as store:
            assert (store.url, store.is_embedded, store.pid, store.n_restarts) == (redis_url, False, None, 0)
        assert client.ping()
        assert not caplog.records
        client.config_set("appendonly", "no")


def test_settings_that_lose_data_are_warned_of(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with connect(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        check(redis_url)
        client.config_set("maxmemory-policy", "noeviction")
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert any("allkeys-lru" in text for text in warned)
    assert any("appendonly" in text for text in warned)


def test_a_read_only_replica_is_refused(redis_url: str) -> None:
    with connect(redis_url) as client:
        client.replicaof("127.0.0.1", "1")
        try:
            with pytest.raises(DatastoreError, match="primary"):
                check(redis_url)
        finally:
            client.replicaof("NO", "ONE")


def test_a_cluster_is_refused(server_of: Callable[..., str]) -> None:
    program = bundled_path()
    assert program is not None
    with pytest.raises(DatastoreError, match="Cluster"):
        check(server_of(program, "--cluster-enabled", "yes"))


def test_a_missing_password_is_explained(tmp_path: Path) -> None:
    port = _free_port()
    with (
        open_datastore(DatastoreSettings(data_dir=tmp_path, port=port)),
        pytest.raises(DatastoreError, match="put the password into the URL"),
    ):
        check(f"redis://127.0.0.1:{port}/0")


def test_memory_is_measured_against_its_limit(redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", str(1 << 30))
    limited = memory(redis_client)
    assert limited.limit_bytes == 1 << 30
    assert limited.share == limited.used_bytes / (1 << 30)
    redis_client.set("big", b"x" * 5_000_000)
    assert memory(redis_client).used_bytes - limited.used_bytes > 4_000_000
    redis_client.config_set("maxmemory", "0")
    machine = memory(redis_client).limit_bytes
    assert machine is not None
    assert machine > 1 << 27
