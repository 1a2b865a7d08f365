"""A Redis or Valkey server of our own, kept alive beside the service and outside Ray.

In: a folder. Out: the URL of a server that keeps its data there, is restarted when it dies, adopted when a service
that died left it running, and stopped with the service.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import unquote, urlsplit

import redis

from agent.connection import DatastoreError, connect
from agent.server_binary import ServerBinary, find_binary
from agent.server_files import ServerFiles, ServerRecord

Fsync = Literal["everysec", "always"]

_START_S = 30.0
_STOP_S = 20.0
_STEADY_S = 10.0
_MAX_PAUSE_S = 5.0

_log = logging.getLogger(__name__)


class _Process(Protocol):
    """A running server, whoever started it."""

    @property
    def pid(self) -> int: ...

    def wait(self) -> object:
        """Return when it has ended."""
        ...


class _Adopted:
    """A server that is not our child: its end shows in a connection that it closes."""

    def __init__(self, pid: int, url: str) -> None:
        self.pid = pid
        self._url = urlsplit(url)

    def wait(self) -> None:
        while True:
            try:
                connection = self._connected()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(1)
            time.sleep(0.005)

    def _connected(self) -> socket.socket:
        if self._url.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(unquote(self._url.path))
            return connection
        return socket.create_connection((str(self._url.hostname), self._url.port or 6379))


class EmbeddedServer:
    """One server, from ``start`` to ``stop``.

    Attributes:
        url: Where it is reached, with its password if it has one.
        n_restarts: How often it had to be started again.
        was_adopted: Whether it was running already.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fsync: Fsync = "everysec",
        port: int | None = None,
        find: Callable[..., ServerBinary] = find_binary,
    ) -> None:
        """Nothing is started before ``start``.

        Args:
            folder: Holds the server's data, log, locks and (if its path is short) socket.
            fsync: ``always`` writes through to the disk before each answer. ``everysec`` may lose the last second or
                two in a power cut. When only the server is killed it loses nothing acknowledged, unless the disk is
                so slow that a background fsync is still running: the server may then hold writes back for up to 2 s,
                and they die with it; ``always`` closes that too.
            port: Listen on this loopback port, with a password, instead of on a socket.
            find: Chooses the server's program.
        """
        self.url = ""
        self.n_restarts = 0
        self.was_adopted = False
        self._files = ServerFiles(folder)
        self._fsync: Fsync = fsync
        self._port = port
        self._find = find
        self._lock: int | None = None
        self._process: _Process | None = None
        self._stopping = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="datastore", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the server, None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Own the folder, adopt its server or start one, and watch over it from now on.

        Raises:
            DatastoreError: if another service owns the folder, or the server refuses (with its last words).
        """
        self._lock = self._files.lock_service()
        try:
            self._process = self._adopt() or self._launch()
        except BaseException:
            self._release()
            raise
        self._supervisor.start()

    def stop(self) -> None:
        """End the server in good order and give the folder back; again does nothing."""
        if self._lock is None:
            return
        self._stopping.set()
        deadline = time.monotonic() + _STOP_S
        how = signal.SIGTERM
        while self._supervisor.is_alive():
            if self._process is not None:
                _signal(self._process.pid, how)
            self._supervisor.join(timeout=1.0)
            if time.monotonic() > deadline:
                how = signal.SIGKILL  # every answered write is in the file already
        self._process = None
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _adopt(self) -> _Process | None:
        """The server that still runs in the folder, or None; one with another port is stopped first."""
        record = self._files.record()
        pid = _ready_pid(record.url, time.monotonic() + _START_S, self._is_running) if record else None
        if not self._is_running():
            return None
        if record is None or pid is None:
            raise DatastoreError(
                f"a server still runs in {self._files.folder} but does not answer; end it (its process id is in "
                "server.pid there) and start again"
            )
        self.url = record.url
        if record.port != self._port:
            _signal(pid, signal.SIGTERM)
            _Adopted(pid, record.url).wait()
            return None
        with connect(self.url) as client:
            client.config_set("appendfsync", self._fsync)
        self.was_adopted = True
        _log.info("adopted the datastore server that was left running (process %d)", pid)
        return _Adopted(pid, record.url)

    def _is_running(self) -> bool:
        descriptor = self._files.lock_server()
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def _launch(self, *, after: int | None = None) -> _Process:
        """Start the server and wait until it answers.

        Args:
            after: Process id of the server that has just ended.

        Raises:
            DatastoreError: with the last lines of its log, if it ends instead or keeps silent.
        """
        binary = self._prepare()
        log_size = self._files.log_size()
        descriptor = self._await_lock(after)
        self._files.remove_leftovers()
        with self._files.log.open("ab") as log:
            process = subprocess.Popen(
                [binary.path, self._files.config],
                cwd=self._files.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the service, which stops the server last
                pass_fds=(descriptor,),
            )
        os.close(descriptor)
        if self._await_ready(process) == process.pid:
            return process
        process.kill()
        process.wait()
        raise DatastoreError(
            f"the datastore server {binary} did not start in {self._files.folder}; its log (server.log there) ends:\n"
            f"{self._files.log_tail(log_size)}"
        )

    def _prepare(self) -> ServerBinary:
        """Choose the program, write its configuration, note both."""
        record = self._files.record()
        binary = self._find(preferred=Path(record.binary) if record else None)
        if record and record.binary != str(binary.path):
            _log.warning("%s takes over data last written by %s %s", binary, record.binary, record.version)
        if not self.url or (record and record.port != self._port):
            self.url = self._files.url(self._port)
        version = ".".join(map(str, binary.version))
        self._files.write_record(ServerRecord(self.url, str(binary.path), version, self._port))
        self._files.write_config(self._configuration())
        return binary

    def _configuration(self) -> dict[str, str]:
        url, folder = urlsplit(self.url), self._files.folder
        where = {"port": "0", "unixsocket": unquote(url.path), "unixsocketperm": "700"}
        if self._port is not None:
            where = {"bind": "127.0.0.1", "port": str(self._port), "requirepass": str(url.password)}
        return where | {
            "dir": str(folder),
            "logfile": str(self._files.log),
            "pidfile": str(folder / "server.pid"),
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
        }

    def _await_lock(self, ended: int | None) -> int:
        """The lock for the new server; a child that a killed server left rewriting its file must let go of it first.

        Raises:
            DatastoreError: if something still holds it.
        """
        deadline = time.monotonic() + _STOP_S
        while (descriptor := self._files.lock_server()) is None:
            if ended is not None:
                _signal(-ended, signal.SIGKILL)  # the server led a process group of its own
            if time.monotonic() > deadline or self._stopping.is_set():
                raise DatastoreError(f"a server still runs in {self._files.folder}; end it and start again")
            time.sleep(0.005)
        return descriptor

    def _await_ready(self, process: subprocess.Popen[bytes]) -> int | None:
        """Process id of whoever answers at our URL, or None when our process has ended or kept silent."""

        def goes_on() -> bool:
            return process.poll() is None and not self._stopping.is_set()

        return _ready_pid(self.url, time.monotonic() + _START_S, goes_on)

    def _supervise(self) -> None:
        """Start the server again whenever it ends: at once, then ever more slowly until it stays up."""
        pause_s = 0.0
        while self._process is not None:
            since = time.monotonic()
            self._process.wait()
            if time.monotonic() - since > _STEADY_S:
                pause_s = 0.0
            ended, self._process = self._process.pid, None
            while self._process is None and not self._stopping.wait(pause_s):
                pause_s = min(max(2 * pause_s, 0.05), _MAX_PAUSE_S)
                self._restart(ended)

    def _restart(self, ended: int) -> None:
        _log.error("the datastore server (process %d) ended; starting it again", ended)
        try:
            self._process = self._launch(after=ended)
            self.n_restarts += 1
        except (DatastoreError, OSError) as error:
            if not self._stopping.is_set():
                _log.error("%s", error)


def _ready_pid(url: str, deadline: float, goes_on: Callable[[], bool] = lambda: True) -> int | None:
    """Process id of the server at this URL once it serves; it may load for as long as it needs."""
    with connect(url, timeout_s=0.5) as client:
        client.set_retry(redis.retry.Retry(redis.backoff.NoBackoff(), 0))
        while goes_on():
            try:
                client.ping()
                info: Any = client.info("server")
                return int(info["process_id"])
            except redis.BusyLoadingError:
                deadline = time.monotonic() + _START_S
            except (redis.RedisError, OSError):
                if time.monotonic() > deadline:
                    return None
            time.sleep(0.005)
    return None


def _signal(pid: int, how: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
