"""``slateloop serve``: start the service, say where it is, stop it cleanly when told to.

In: options over ``SLATELOOP_*`` variables over a file over defaults. Out: a service until Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from agent.connection import DatastoreError
from agent.loops import SettingsError
from serve_app.commands.banner import banner
from serve_app.commands.connection import outside
from serve_app.commands.output import Json, err, explained, fail, print_json, stdout_for_results
from serve_app.settings import ServiceSettings, load_settings
from serve_app.startup import StartError

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on. [default: 127.0.0.1]")]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port to listen on. [default: 8000]")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Files of the datastore it starts itself. [default: .slateloop]")
]
Replicas = Annotated[int | None, typer.Option("--replicas", min=1, help="Processes that answer. [default: 1]")]
Config = Annotated[Path | None, typer.Option("--config", help="YAML file of settings.")]


def serve(
    context: typer.Context,
    *,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    replicas: Replicas = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Start the service: datastore, learners and HTTP, until Ctrl-C.

    Needs nothing else running: without SLATELOOP_REDIS_URL it starts a datastore of its own in --data-dir, and goes on
    from what is there. The first start shows an admin key once.

    Example: slateloop serve --port 8000 --data-dir ./.slateloop
    """
    given = {"host": host, "port": port, "data_dir": data_dir, "replicas": replicas}
    settings = gathered(config, given)
    began_at = time.monotonic()
    if not as_json:
        err().print(f"starting on {settings.url} …", highlight=False)
    with explained(StartError, DatastoreError, SettingsError), stdout_for_results():
        service = outside(context).start(settings)
    try:
        ready_s = time.monotonic() - began_at
        if as_json:
            print_json({"url": service.url, "admin_key": service.admin_key, "start_s": round(ready_s, 3)})
        else:
            typer.echo(banner(service.url, service.admin_key, is_given=settings.admin_key is not None))
        name = outside(context).wait_for_end()
        err().print(f"\n{name}: stopping …", highlight=False)
    finally:
        with stdout_for_results():
            service.stop()
    err().print("stopped; every answered decision and accepted reward is kept", highlight=False)


def gathered(config: Path | None, given: Mapping[str, object]) -> ServiceSettings:
    """The service's settings; every problem is printed before exit code 1."""
    named = {name: value for name, value in given.items() if value is not None}
    try:
        return load_settings(os.environ, file=config, given=named)
    except SettingsError as error:
        fail(*error.problems)
