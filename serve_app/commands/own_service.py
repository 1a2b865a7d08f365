"""A service for one command alone: on a free port, with a key of its own, gone when the command ends.

In: where its files go. Out: the running service and a client for it; stopped whatever happens.
"""

from __future__ import annotations

import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from agent.connection import DatastoreError
from serve_app.client import Client
from serve_app.commands.connection import Running, ended_by_sigterm, outside
from serve_app.commands.output import explained, stdout_for_results
from serve_app.retries import Backoff
from serve_app.settings import ServiceSettings
from serve_app.startup import StartError


@contextmanager
def own_service(context: typer.Context, keep: Path | None) -> Iterator[tuple[Running, Client]]:
    """A service that nobody else uses; the command fails with a message where it can't start.

    Args:
        context: Of the command.
        keep: A folder for its files; None for one that goes away.
    """
    with _folder(keep) as data_dir:
        key = secrets.token_urlsafe(32)
        with explained(StartError, DatastoreError), stdout_for_results():
            service = outside(context).start(ServiceSettings(data_dir=data_dir, port=_free_port(), admin_key=key))
        try:
            with ended_by_sigterm(), outside(context).connect(service.url, key, Backoff()) as client:
                yield service, client
        finally:
            with stdout_for_results():
                service.stop()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="slateloop-demo-") as folder:
        yield Path(folder)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
