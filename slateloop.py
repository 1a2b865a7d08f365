"""The command line: ``slateloop serve | demo | replay | loops | keys | doctor``; composition only.

In: arguments. Out: the rooms put together: the service's commands, and simulated users who call it as any client would.
"""

from __future__ import annotations

import secrets
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from agent.connection import DatastoreError
from serve_app.answers import SlateloopError
from serve_app.client import Client
from serve_app.commands import doctor, keys, loops, serve
from serve_app.commands.banner import command, first_calls
from serve_app.commands.connection import DEFAULT_URL, Key, Running, Url, connected, ended_by_sigterm, outside
from serve_app.commands.output import Json, err, explained, out, print_json, stdout_for_results
from serve_app.retries import Backoff
from serve_app.settings import ServiceSettings
from serve_app.startup import StartError
from simulator import front_page, replay
from simulator.datasets import DatasetError, load_movielens, tens
from simulator.pacing import StalledError
from simulator.report import screen, table, to_json
from simulator.run import Course, Drive, Run, begin, conduct

app = typer.Typer(
    name="slateloop",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
    help="A self-hosted decision service: it chooses slates, hears rewards, and learns within seconds.",
    epilog="New here? `slateloop demo` shows it learning in about a minute; `slateloop serve` starts it for you.",
)
app.add_typer(loops.app, name="loops")
app.add_typer(keys.app, name="keys")
app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)

replays = typer.Typer(no_args_is_help=True, help="Send recorded data through a running service, as live traffic.")
app.add_typer(replays, name="replay")

PATIENT = Backoff(budget_s=120.0)
"""A replay outlives the restart of any part of the service."""


@replays.command("movielens")
def replay_movielens(  # noqa: PLR0913  one parameter for each option of the command
    context: typer.Context,
    path: Annotated[Path, typer.Option("--path", help="The unpacked folder of MovieLens ml-latest-small.")],
    *,
    url: Url = DEFAULT_URL,
    key: Key = "",
    loop: Annotated[
        str, typer.Option("--loop", help="The loop to use; a fresh name starts from nothing.")
    ] = "movielens",
    limit: Annotated[int, typer.Option("--limit", min=0, help="Requests at most; 0 for all 9,818.")] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Shuffles the ratings.")] = 0,
    rate: Annotated[float, typer.Option("--rate", min=0.0, help="Requests per second at most; 0: no limit.")] = 0.0,
    max_lag: Annotated[int, typer.Option("--max-lag", min=0, help="Wait when more experiences behind.")] = 100,
    as_json: Json = False,
) -> None:
    """Offer each user ten films they really rated, reward those they rated 4 or more, watch the service learn.

    Half of the requests go to the learned arm, half to popularity. Lift is over the exact uniform expectation of the
    films offered. The key must have the admin scope: the loop is set up first.

    Example: slateloop replay movielens --path ml-latest-small --limit 6000
    """
    with explained(DatasetError):
        found = tens(load_movielens(path), seed)
    drive = Drive(rate=rate, max_lag=max_lag, n_wanted=min(limit or len(found), len(found)))
    with connected(context, url, key, backoff=PATIENT) as client, explained(StalledError):
        run = _run(client, replay.course(loop, found), drive)
    _print_result(run, as_json=as_json, more={"seed": seed, "limit": drive.n_wanted, "rate": rate})


@app.command()
def demo(
    context: typer.Context,
    *,
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="How long users come.")] = 60.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Makes the world and its users.")] = 0,
    max_lag: Annotated[int, typer.Option("--max-lag", min=0, help="Wait when more experiences behind.")] = 300,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep what was learned in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Start a service, send it the readers of an invented front page, and watch it learn; needs no data.

    The readers differ by segment, device and time of day, and look less at lower slots. The learned arm starts as the
    page's own order and should pass it, and a uniform choice, within seconds.

    Example: slateloop demo --seconds 30 --keep ./demo
    """
    began_at = time.monotonic()
    with (
        _data_dir(keep) as data_dir,
        _service(context, data_dir) as (service, client),
        explained(StalledError, SlateloopError),
    ):
        start_s = time.monotonic() - began_at
        err().print(f"service on {service.url} after {start_s:.1f} s; readers come now", highlight=False)
        run = _run(client, front_page.course("demo", seed), Drive(max_lag=max_lag, seconds=seconds))
    _print_result(run, as_json=as_json, more={"seed": seed, "start_s": round(start_s, 3)})
    if not as_json:
        typer.echo(_what_next(keep))


def _run(client: Client, course: Course, drive: Drive) -> Run:
    """Set the loop up and run the course; Ctrl-C ends it early and keeps what was counted."""
    loop = course.route.loop
    client.apply_settings(loop, course.settings)
    run = begin(client, course, drive)
    if run.gate.n_at_start:
        err().print(f"loop {loop} has learned from {run.gate.n_at_start:,} already; another loop name starts afresh")
    with screen(err()) as shown, suppress(KeyboardInterrupt):
        conduct(client, run, shown)
    return run


def _print_result(run: Run, *, as_json: bool, more: Mapping[str, object]) -> None:
    if as_json:
        print_json({**to_json(run), **more})
    else:
        out().print(table(run))


def _what_next(keep: Path | None) -> str:
    """Copyable lines."""
    where = "" if keep is None else f" --data-dir {keep}"
    steps = [
        ("Start a service of your own" if keep is None else "Go on from here", [f"{command()} serve{where}"]),
        ("Then, with the key it shows in SLATELOOP_KEY: a first slate, and its reward", first_calls(DEFAULT_URL)),
        ("See what it has learned", [f"{command()} loops status default"]),
        ("Send recorded data through it", [f"{command()} replay movielens --path FOLDER --limit 6000"]),
        ("Read on", [f"{DEFAULT_URL}/docs"]),
    ]
    return "\n".join(line for title, lines in steps for line in ["", f"{title}:", *(f"  {one}" for one in lines)])


@contextmanager
def _data_dir(keep: Path | None) -> Iterator[Path]:
    """The folder to keep, or one that goes away."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="slateloop-demo-") as folder:
        yield Path(folder)


@contextmanager
def _service(context: typer.Context, data_dir: Path) -> Iterator[tuple[Running, Client]]:
    """A service of its own on a free port, and a client for it; stopped whatever happens."""
    key = secrets.token_urlsafe(32)
    with explained(StartError, DatastoreError), stdout_for_results():
        service = outside(context).start(ServiceSettings(data_dir=data_dir, port=_free_port(), admin_key=key))
    try:
        with ended_by_sigterm(), outside(context).connect(service.url, key, Backoff()) as client:
            yield service, client
    finally:
        with stdout_for_results():
            service.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """Run the command line; SIGTERM ends it as Ctrl-C does, so that what it started is stopped."""
    with ended_by_sigterm():
        app()


if __name__ == "__main__":
    main()
