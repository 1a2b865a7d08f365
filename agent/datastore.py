"""Finds the datastore: the Redis or Valkey that the settings name, else a server of our own in the data folder.

In: settings. Out: a URL that was checked, and what to stop at the end.
"""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from agent.connection import DatastoreError as DatastoreError  # the names of agent.connection that everyone needs
from agent.connection import connect as connect
from agent.connection import connect_async as connect_async
from agent.connection import without_password
from agent.embedded_server import EmbeddedServer, Fsync
from agent.server_binary import MIN_VERSION

CHECK_S = 5.0
"""A server that is named must answer within this time."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LIMIT_FILES = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DatastoreSettings:
    """Where events are kept.

    Attributes:
        url: A running server; None starts one in the data folder.
        data_dir: Holds everything of a server of our own, in its folder ``datastore``.
        fsync: ``always`` makes each answer wait for the disk; ``everysec`` may lose a second or two in a power cut.
        port: Loopback port for a server of our own; None uses a Unix socket.
    """

    url: str | None = field(default=None, repr=False)
    data_dir: Path = Path(".slateloop")
    fsync: Fsync = "everysec"
    port: int | None = None


class Datastore:
    """A datastore in use; a context manager that stops what it started."""

    def __init__(self, url: str, server: EmbeddedServer | None = None) -> None:
        self.url = url
        self._server = server

    @property
    def is_embedded(self) -> bool:
        """Whether the server is our own."""
        return self._server is not None

    @property
    def pid(self) -> int | None:
        """Process id of our own server; None while it is being restarted, and for a server that was named."""
        return self._server.pid if self._server else None

    @property
    def n_restarts(self) -> int:
        """How often our own server died and was started again."""
        return self._server.n_restarts if self._server else 0

    @property
    def was_adopted(self) -> bool:
        """Whether our own server was still running from an earlier service."""
        return self._server is not None and self._server.was_adopted

    def stop(self) -> None:
        """Stop our own server in good order; a server that was named is left alone. Again does nothing."""
        if self._server is not None:
            self._server.stop()

    def __enter__(self) -> Datastore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def open_datastore(settings: DatastoreSettings) -> Datastore:
    """Find the datastore, starting a server if none is named.

    Raises:
        DatastoreError: if the named server can't be used (within ``CHECK_S``), or ours can't be started.
    """
    if settings.url is not None:
        check(settings.url)
        return Datastore(settings.url)
    server = EmbeddedServer(settings.data_dir / "datastore", fsync=settings.fsync, port=settings.port)
    server.start()
    return Datastore(server.url, server)


def check(url: str, *, timeout_s: float = CHECK_S) -> None:
    """See whether a server can be used: it answers, is new enough, takes writes; warn of settings that lose data.

    Raises:
        DatastoreError: naming the URL without its password, what is wrong, and the cure.
    """
    facts: list[dict[str, Any] | Exception] = []
    client = connect(url, timeout_s=0.9 * timeout_s)

    def ask() -> None:
        try:
            facts.append(_facts(client))
        except (redis.RedisError, OSError, ValueError) as error:
            facts.append(error)

    # In a thread of its own, since looking up a host name can't be given a time limit.
    asking = threading.Thread(target=ask, name="datastore-check", daemon=True)
    asking.start()
    asking.join(timeout_s)
    shown = f"SLATELOOP_REDIS_URL={without_password(url)}"
    if not facts:
        raise DatastoreError(f"{shown} did not answer within {timeout_s:g} s; check host, port and firewall")
    if isinstance(facts[0], Exception):
        raise DatastoreError(f"{shown} can't be used: {_cure(facts[0])}")
    _judge(facts[0], shown)


@dataclass(frozen=True)
class MemoryUse:
    """How full the datastore is.

    Attributes:
        used_bytes: What the server holds.
        limit_bytes: Its ``maxmemory``; else the memory of its machine (or of its container, where that is ours too);
            None where neither is known.
    """

    used_bytes: int
    limit_bytes: int | None

    @property
    def share(self) -> float | None:
        """Used part of the limit, from 0; beyond 0.8 is time to act, as nothing is dropped when it is full."""
        return self.used_bytes / self.limit_bytes if self.limit_bytes else None


def memory(client: redis.Redis) -> MemoryUse:
    """Ask the server how full it is."""
    info: Any = client.info("memory")
    limits = [int(info.get("maxmemory", 0))]
    if not limits[0]:
        limits = [int(info.get("total_system_memory", 0)), *_container_limits(client)]
    return MemoryUse(int(info["used_memory"]), min((limit for limit in limits if limit > 0), default=None))


def _container_limits(client: redis.Redis) -> list[int]:
    """Memory limits of our own container, if the server is in it as well."""
    address = client.connection_pool.connection_kwargs
    if "path" not in address and address.get("host") not in _LOOPBACK:
        return []
    found = [path.read_text().strip() for path in _LIMIT_FILES if path.exists()]
    return [int(text) for text in found if text.isdigit()]


def _facts(client: redis.Redis) -> dict[str, Any]:
    client.set_retry(redis.retry.Retry(redis.backoff.NoBackoff(), 0))
    with client:
        client.ping()
        info: Any = client.info()
    return dict(info)


def _cure(error: Exception) -> str:
    if isinstance(error, redis.AuthenticationError) or "NOAUTH" in str(error):
        return f"{error}; put the password into the URL: redis://:PASSWORD@HOST:PORT/0"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return f"{error}; give this user the commands PING, INFO and all on keys sl:*"
    if isinstance(error, redis.BusyLoadingError):
        return "it is still loading its data; try again when it is done"
    if isinstance(error, redis.ConnectionError | redis.TimeoutError | OSError):
        return f"{error}; is a Redis or Valkey running there? Without this setting Slateloop starts its own"
    return f"{error}; is this really a Redis or Valkey server?"


def _judge(info: dict[str, Any], shown: str) -> None:
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < MIN_VERSION:
        raise DatastoreError(f"{shown} is version {version}; Slateloop needs 6.2 or newer")
    if info.get("cluster_enabled"):
        raise DatastoreError(f"{shown} is a Redis Cluster; give it a single server (replicated or not)")
    if info.get("role") == "slave":
        raise DatastoreError(f"{shown} is a read-only replica; give the address of its primary")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        _log.warning("%s drops data when full (maxmemory-policy %s); set it to noeviction", shown, policy)
    if not info.get("aof_enabled", 1):
        _log.warning("%s loses recent events when it restarts (appendonly no); set appendonly yes", shown)
