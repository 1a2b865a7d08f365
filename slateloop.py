"""The command line, ``slateloop serve | demo | simulate | bakeoff | parity | replay | loops | …``; composition only.

In: arguments. Out: the rooms put together: the service's commands, and simulated users who call it as any client would.
"""

from __future__ import annotations

import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
from simulator import bakeoff_command, parity_page, parity_screen, replay, simulate_command, world_course
from simulator.datasets import DatasetError, load_movielens, tens
from simulator.pacing import StalledError
from simulator.parity import run as measure_parity
from simulator.report import screen, table, to_json
from simulator.run import Course, Drive, Run, begin, conduct
from simulator.simulate_command import Live, Request
from simulator.world_course import WorldName

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

QUICK = Backoff(budget_s=5.0)  # to find out whether a service is there at all

_WORLDS = list(simulate_command.WORLDS)
_POLICIES = list(simulate_command.POLICIES)
_NOTHING: list[str] = []


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
    world: Annotated[WorldName, typer.Option("--world", help="Whose users come.")] = "news",
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="How long users come.")] = 60.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Makes the world and its users.")] = 0,
    max_lag: Annotated[int, typer.Option("--max-lag", min=0, help="Wait when more experiences behind.")] = 300,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep what was learned in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Start a service, send it the users of a simulated world, and watch it learn; needs no data.

    news: readers of a front page whose articles age. shop: visitors who look, fill carts and buy. streaming: viewers
    who come back, or don't. interest-evolution: a user whose interests drift with what is shown. Half of the users get
    the learned arm, a quarter popularity, which learns from the same log, a quarter a uniform choice.

    Example: slateloop demo --world shop --seconds 30 --keep ./demo
    """
    began_at = time.monotonic()
    with (
        _data_dir(keep) as data_dir,
        _service(context, data_dir) as (service, client),
        explained(StalledError, SlateloopError),
    ):
        start_s = time.monotonic() - began_at
        err().print(f"service on {service.url} after {start_s:.1f} s; users of {world} come now", highlight=False)
        run = _run(client, world_course.course(world, world, seed=seed), Drive(max_lag=max_lag, seconds=seconds))
    _print_result(run, as_json=as_json, more={"world": world, "seed": seed, "start_s": round(start_s, 3)})
    if not as_json:
        typer.echo(_what_next(keep))


@app.command()
def simulate(  # noqa: PLR0913  one parameter for each option of the command
    context: typer.Context,
    *,
    worlds: Annotated[list[str], typer.Option("--world", help="A world; repeatable. See --list.")] = _WORLDS,
    policies: Annotated[
        list[str], typer.Option("--policy", help="A policy, such as vw, vw:bag or vw:epsilon,epsilon=0.05; repeatable.")
    ] = _POLICIES,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds 0, 1, …; two or more give intervals.")] = 3,
    requests: Annotated[int, typer.Option("--requests", min=40, help="Slates asked for in each cell.")] = 6000,
    candidates: Annotated[
        int | None, typer.Option("--candidates", min=1, help="Items to choose from; else the world's own.")
    ] = None,
    slots: Annotated[int | None, typer.Option("--slots", min=1, help="Items in a slate; else the world's own.")] = None,
    options: Annotated[list[str], typer.Option("--option", help="key=value for every world; repeatable.")] = _NOTHING,
    folder: Annotated[
        Path, typer.Option("--out", help="Results go here; what is finished here isn't run again.")
    ] = simulate_command.OUT,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw PNGs.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run anew what was finished before.")] = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Use what other code has measured, too.")] = False,
    write: Annotated[Path | None, typer.Option("--write", help="Fill the section `simulate` of this page.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes at once; 1 does without Ray; else one per core.")
    ] = None,
    live: Annotated[
        str, typer.Option("--live", metavar="URL", help="Measure against this running service instead of in process.")
    ] = "",
    key: Key = "",
    max_lag: Annotated[
        int, typer.Option("--max-lag", min=0, help="With --live: wait when more experiences behind.")
    ] = 50,
    list_: Annotated[
        bool, typer.Option("--list", help="Name the worlds, their options and KPI, and the policies.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare policies in simulated worlds: tables with intervals over seeds, Parquet files and plots.

    A policy that learns shares its world with popularity, half of the users each, on one log; the others run alone.
    Finished pieces are kept: Ctrl-C loses nothing, and the same command goes on. RAY_ADDRESS names a cluster to use.

    All defaults, about three minutes on two cores.
    Example: slateloop simulate

    Two explorers in one world, enough seeds for narrow intervals.
    Example: slateloop simulate --world news --policy vw --policy vw:bag --seeds 10 --requests 12000

    A harder world, with an option of its own.
    Example: slateloop simulate --world interest-evolution --option visible_budget=true --candidates 20

    The same users against a running service.
    Example: slateloop simulate --world shop --policy vw --seeds 1 --requests 2000 --live http://127.0.0.1:8000

    What there is to choose from.
    Example: slateloop simulate --list
    """
    if list_:
        print_json(simulate_command.listing_json()) if as_json else simulate_command.show_listing(out())
        return
    request = Request(
        worlds=worlds,
        policies=policies,
        n_seeds=seeds,
        n_requests=requests,
        options=options,
        n_candidates=candidates,
        n_slots=slots,
        out=folder,
        plots=plots,
        fresh=fresh,
        keep_old=keep_old,
        write=write,
        n_jobs=jobs,
        max_lag=max_lag,
        command=("slateloop", *sys.argv[1:]),
    )
    with explained(*simulate_command.EXPLAINED), stdout_for_results():
        if live:
            with connected(context, live, key, backoff=QUICK) as client:
                client.loop_names()
            with connected(context, live, key, backoff=PATIENT) as client:
                outcome = simulate_command.simulate(request, err(), live=Live(client, secrets.token_hex(3), live))
        else:
            outcome = simulate_command.simulate(request, err())
    if as_json:
        print_json(simulate_command.to_json(outcome))
    else:
        simulate_command.show(outcome, out(), err())
    if not outcome.is_whole:
        raise typer.Exit(1)


@app.command()
def bakeoff(  # noqa: PLR0913  one parameter for each option of the command
    *,
    policies: Annotated[
        list[str], typer.Option("--policy", help="A contender, such as linear or vw:bag; repeatable. all: everyone.")
    ] = _NOTHING,
    sets: Annotated[
        list[str],
        typer.Option("--set", help="digits, breast-cancer, wine, iris, words, or a world of simulate; repeatable."),
    ] = _NOTHING,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds 0, 1, …; two or more give intervals.")] = 5,
    requests: Annotated[
        int, typer.Option("--requests", min=40, help="In each set; a table at most one pass.")
    ] = bakeoff_command.N_REQUESTS,
    movielens: Annotated[
        Path | None, typer.Option("--movielens", help="The unpacked folder of MovieLens ml-latest-small: one more set.")
    ] = None,
    table: Annotated[Path | None, typer.Option("--table", help="A CSV file: one more set.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="The column of --table that holds the classes.")] = None,
    limit_us: Annotated[
        float, typer.Option("--limit-us", min=0.0, help="What a decision, and what a lesson, of the default may cost.")
    ] = bakeoff_command.LIMIT_US,
    matrix: Annotated[bool, typer.Option("--matrix/--no-matrix", help="Measure when to pick which, too.")] = True,
    folder: Annotated[
        Path, typer.Option("--out", help="Results go here; what is finished here isn't run again.")
    ] = bakeoff_command.OUT,
    write: Annotated[Path | None, typer.Option("--write", help="Fill the section `bakeoff` of this page.")] = None,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw PNGs.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run anew what was finished before.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes at once; 1 does without Ray; else one per core.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let every policy learn alone on labelled tables and in worlds, and name the one a new loop should get.

    The winner has the best mean share of the best reward, among those within the limits of cost. On tables each answer
    is learned before the next is asked for, one pass; in worlds the loop has its ordinary cadence. Finished pieces are
    kept: Ctrl-C loses nothing, and the same command goes on.

    All defaults, about a quarter of an hour on two idle cores.
    Example: slateloop bakeoff

    A first look, in about a tenth of the time.
    Example: slateloop bakeoff --seeds 2 --requests 500 --no-matrix

    Your own labelled table decides, with more contenders.
    Example: slateloop bakeoff --set table --table churned.csv --label plan --policy all

    Write the tables into a page, between the marks of its section.
    Example: slateloop bakeoff --movielens ml-latest-small --write docs/results.md
    """
    request = bakeoff_command.Request(
        policies=policies,
        sets=sets,
        n_seeds=seeds,
        n_requests=requests,
        movielens=movielens,
        table=table,
        label=label,
        limit_us=limit_us,
        matrix=matrix,
        out=folder,
        write=write,
        plots=plots,
        fresh=fresh,
        n_jobs=jobs,
        command=("slateloop", *sys.argv[1:]),
    )
    with explained(*simulate_command.EXPLAINED), stdout_for_results():
        outcome = bakeoff_command.bake(request, err())
    if as_json:
        print_json(bakeoff_command.to_json(outcome))
    else:
        bakeoff_command.show(outcome, out(), err())
    if not outcome.is_whole:
        raise typer.Exit(1)


@app.command()
def parity(
    *,
    episodes: Annotated[int, typer.Option("--episodes", min=2, help="Episodes in each cell.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every world and policy.")] = 1,
    write: Annotated[Path | None, typer.Option("--write", help="Write the page to this file too.")] = None,
    as_json: Json = False,
) -> None:
    """Compare the restated worlds with their published originals, row by row; takes about a minute.

    A row passes within four standard errors. The exit code is 1 if any row does not.

    Example: slateloop parity --write docs/parity.md
    """
    with parity_screen.bar(err()) as progress:
        rows = measure_parity(n_episodes=episodes, seed=seed, progress=progress)
    page = parity_page.markdown(rows, n_episodes=episodes, seed=seed)
    if write is not None:
        write.write_text(page, encoding="utf-8")
    if as_json:
        print_json(parity_page.to_json(rows))
    else:
        typer.echo(page)
    if not all(row.passed for row in rows):
        raise typer.Exit(1)


def _run(client: Client, course: Course, drive: Drive) -> Run:
    """Set the loop up and run the course; Ctrl-C ends it early and keeps what was counted."""
    loop = course.route.loop
    client.apply_settings(loop, course.settings)
    run = begin(client, course, drive)
    if run.gate.n_at_start:
        err().print(f"loop {loop} has learned from {run.gate.n_at_start:,} already; another loop name starts afresh")
    with screen(Console(stderr=True)) as shown, suppress(KeyboardInterrupt):
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
