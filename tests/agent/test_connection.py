"""What clients repeat, what they never repeat, and what they show of a URL."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import redis

from agent.connection import DatastoreError, connect, connect_async, once, without_password
from agent.datastore import DatastoreSettings, open_datastore


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://:pw@localhost/0", "redis://:***@localhost/0"),
        ("rediss://me:p@w/d@host:1", "rediss://me:***@host:1"),
        ("redis://host:1?password=pw", "redis://host:1"),
        ("unix:///tmp/s?password=pw", "unix:///tmp/s"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_wrong_url_is_refused_by_both_kinds() -> None:
    for kind in (connect, connect_async):
        with pytest.raises(DatastoreError, match="ftp://x is not the URL"):
            kind("ftp://x")


def test_reads_outlive_a_restart(tmp_path: Path) -> None:
    with open_datastore(DatastoreSettings(data_dir=tmp_path)) as store, connect(store.url) as client:
        client.set("kept", "yes")
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        assert client.get("kept") == b"yes"


def test_timeouts_are_not_repeated(tmp_path: Path) -> None:
    with open_datastore(DatastoreSettings(data_dir=tmp_path)) as store, connect(store.url, timeout_s=0.2) as client:
        client.ping()
        assert store.pid is not None
        os.kill(store.pid, signal.SIGSTOP)
        with pytest.raises(redis.TimeoutError):
            client.incr("n")
        os.kill(store.pid, signal.SIGCONT)
        assert client.get("n") in (None, b"1")


def test_once_is_not_repeated_when_its_answer_is_lost(tmp_path: Path) -> None:
    """The command reaches a stopped server's socket, the server is killed: an ordinary command would be sent again."""
    with open_datastore(DatastoreSettings(data_dir=tmp_path)) as store, connect(store.url) as client:
        client.ping()
        assert store.pid is not None
        pid = store.pid
        os.kill(pid, signal.SIGSTOP)

        def kill_later() -> None:
            time.sleep(0.1)
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill_later)
        killer.start()
        with pytest.raises(redis.ConnectionError):
            once(client, "INCR", "n")
        killer.join()
        assert client.get("n") is None
        assert once(client, "INCR", "n") == 1


def test_once_raises_what_the_server_says(redis_client: redis.Redis) -> None:
    redis_client.set("text", "x")
    with pytest.raises(redis.ResponseError, match="integer"):
        once(redis_client, "INCR", "text")
    assert once(redis_client, "GET", "text") == b"x", "the connection is still good"
