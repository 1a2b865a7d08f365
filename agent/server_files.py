"""The folder of the embedded server: who owns it, where its socket is, what it was last started with.

In: the data folder. Out: locks, paths and the last lines of the server's log.
Two locks tell the two lives apart: ``service.lock`` is held by the service that owns the folder, ``server.lock`` is
handed on to the server itself, so that it is held exactly as long as a server runs, whoever started it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from agent.connection import DatastoreError

_SOCKET_BYTES = 100


@dataclass(frozen=True)
class ServerRecord:
    """What the server in this folder was last started with.

    Attributes:
        url: Where clients reach it; holds its password if it listens on a port.
        binary: The program that wrote the folder.
    """

    url: str
    binary: str
    version: str
    port: int | None


class ServerFiles:
    """Paths inside one folder, which is made if it is missing, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            DatastoreError: if that is not possible.
        """
        self.folder = folder.expanduser().absolute()
        self.log = self.folder / "server.log"
        self.config = self.folder / "server.conf"
        self._record = self.folder / "server.json"
        try:
            self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        except OSError as error:
            raise DatastoreError(
                f"the data folder {self.folder} can't be made ({error}); choose another with --data-dir"
            ) from None

    def lock_service(self) -> int:
        """Own the folder until the returned descriptor is closed or this process ends.

        Raises:
            DatastoreError: naming the process that owns it already.
        """
        descriptor = self._open("service.lock")
        if not _lock(descriptor):
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise DatastoreError(
                f"the data folder {self.folder} is used by another Slateloop service (process {owner}); "
                "stop that one, or choose another folder with --data-dir"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor

    def lock_server(self) -> int | None:
        """A descriptor to hand to a new server, or None while one is running in the folder."""
        descriptor = self._open("server.lock")
        if _lock(descriptor):
            return descriptor
        os.close(descriptor)
        return None

    def record(self) -> ServerRecord | None:
        """What was last started here, or None if nothing was or its note is unreadable."""
        try:
            return ServerRecord(**json.loads(self._record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write_record(self, record: ServerRecord) -> None:
        """Note what is started."""
        _write_private(self._record, json.dumps(asdict(record)))

    def url(self, port: int | None) -> str:
        """A new URL: a socket that only this user can open, or a loopback port with a password."""
        if port is not None:
            return f"redis://:{secrets.token_hex(16)}@127.0.0.1:{port}/0"
        return f"unix://{quote(str(self._socket()))}"

    def write_config(self, lines: dict[str, str]) -> None:
        """Write the server's configuration; it may hold a password."""
        _write_private(self.config, "".join(f"{name} {_quoted(value)}\n" for name, value in lines.items()))

    def remove_leftovers(self) -> None:
        """Drop what a server was writing when it was killed; only while no server runs."""
        for pattern in ("temp-*.aof", "temp-*.rdb"):
            for leftover in self.folder.glob(pattern):
                leftover.unlink(missing_ok=True)

    def log_size(self) -> int:
        """Bytes in the server's log now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_tail(self, since: int, *, n_lines: int = 12) -> str:
        """The last lines the server has logged since the log had that size."""
        with self.log.open("rb") as log:
            log.seek(since)
            text = log.read().decode(errors="replace")
        return "\n".join(text.strip().splitlines()[-n_lines:])

    def _socket(self) -> Path:
        """In the folder; or, as socket paths are limited to about 100 bytes, in a short one that belongs to it."""
        socket = self.folder / "redis.sock"
        if len(os.fsencode(socket)) <= _SOCKET_BYTES:
            return socket
        name = hashlib.blake2b(os.fsencode(self.folder.resolve()), digest_size=6).hexdigest()
        short = Path(tempfile.gettempdir()) / f"slateloop-{os.getuid()}-{name}"
        short.mkdir(mode=0o700, exist_ok=True)
        found = short.lstat()
        if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
            raise DatastoreError(f"{short} belongs to somebody else; choose a shorter path with --data-dir")
        return short / "redis.sock"

    def _open(self, name: str) -> int:
        try:
            return os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatastoreError(
                f"the data folder {self.folder} can't be written ({error}); choose another with --data-dir"
            ) from None


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
