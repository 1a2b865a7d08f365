"""What commands reach outside their own process: a running service, a new one, and the signal that ends it.

Clients come from ``--url`` and ``--key``, or ``SLATELOOP_URL`` and ``SLATELOOP_KEY``. Tests put an ``Outside`` of fakes
in the command line's context.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from serve_app.answers import NotAllowedError, NotFoundError, SlateloopError
from serve_app.client import Client
from serve_app.commands.output import fail
from serve_app.retries import Backoff

if TYPE_CHECKING:
    from serve_app.settings import ServiceSettings

DEFAULT_URL = "http://127.0.0.1:8000"

Url = Annotated[str, typer.Option("--url", envvar="SLATELOOP_URL", help="Where the service listens.")]
Key = Annotated[
    str,
    typer.Option(
        "--key",
        envvar="SLATELOOP_KEY",
        help="An API key with the admin scope; `slateloop serve` shows one at its first start.",
        show_default=False,
    ),
]


class Running(Protocol):
    """A service that this process started."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    @property
    def admin_key(self) -> str | None:
        """The first admin key, if it was made just now."""
        ...

    def stop(self) -> None:
        """End it cleanly."""
        ...


def _start(settings: ServiceSettings) -> Running:
    """Start the real service; Ray is imported only now, so that every other command is quick."""
    from serve_app.service import start

    return start(settings)


def _connect(url: str, key: str, backoff: Backoff) -> Client:
    return Client(url, key, backoff=backoff)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM raises ``SystemExit`` here, so that what was started is stopped; Ray takes it over in its start."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_for_end() -> str:
    """Block until SIGINT or SIGTERM, and name it."""
    ended = threading.Event()
    names: list[str] = []

    def note(number: int, _: object) -> None:
        names.append(signal.Signals(number).name)
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    ended.wait()
    return names[0]


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside world as commands see it."""

    connect: Callable[[str, str, Backoff], Client] = _connect
    start: Callable[[ServiceSettings], Running] = _start
    wait_for_end: Callable[[], str] = _wait_for_end


def outside(context: typer.Context) -> Outside:
    """The context's own, or the real one."""
    return context.obj if isinstance(context.obj, Outside) else Outside()


@contextmanager
def connected(context: typer.Context, url: str, key: str, *, backoff: Backoff | None = None) -> Iterator[Client]:
    """A client for one command; what the service refuses becomes a message and exit code 1."""
    if not key:
        fail("no API key: give --key, or set SLATELOOP_KEY; `slateloop serve` shows one at its first start")
    try:
        with outside(context).connect(url, key, backoff or Backoff()) as client:
            yield client
    except SlateloopError as error:
        fail(told(error))


def told(error: Exception) -> str:
    """What a command says of it."""
    if isinstance(error, NotAllowedError):
        return f"{error}; give --key or SLATELOOP_KEY a key with the scope this needs"
    if isinstance(error, NotFoundError) and error.field == "loop":
        return f"{error}; here `slateloop loops apply FILE --loop NAME` or `slateloop train --publish NAME` makes one"
    return str(error)
