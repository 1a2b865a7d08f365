"""The command line, ``slateloop serve | demo | simulate | train | replay | loops | …``; composition only.

In: arguments. Out: the rooms put together: the service's commands, and simulated users who call it as any client would.
A command's options and help stand beside its body; bodies are loaded when they are called, so that ``--help`` is quick.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from serve_app.answers import NotFoundError, SlateloopError
from serve_app.client import Client
from serve_app.commands import doctor, keys, loops, serve
from serve_app.commands.banner import command, first_calls
from serve_app.commands.connection import DEFAULT_URL, Key, Url, connected, ended_by_sigterm, outside, told
from serve_app.commands.leaving import leave, status_of
from serve_app.commands.output import Json, err, explained, out, print_json, stdout_for_results
from serve_app.commands.own_service import own_service
from serve_app.retries import Backoff
from simulator import (
    bakeoff_options,
    parity_options,
    replay_options,
    simulate_options,
    train_options,
    world_course,
)
from simulator.command_options import joined
from simulator.pacing import StalledError
from simulator.world_course import WorldName

if TYPE_CHECKING:
    from simulator.run import Course, Drive, Run

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


def movielens(
    request: replay_options.Request,
    *,
    context: typer.Context,
    url: Url = DEFAULT_URL,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Replay ratings through a running service."""
    from simulator import replay_command

    with explained(*replay_command.EXPLAINED):
        plan = replay_command.plan_of(request)
    with connected(context, url, key, backoff=PATIENT) as client, explained(StalledError):
        run = _run(client, plan.course, plan.drive)
    more = {"seed": request.seed, "limit": plan.drive.n_wanted, "rate": request.rate}
    _print_run(run, as_json=as_json, more=more)
    with explained(*replay_command.EXPLAINED):
        if problem := replay_command.publish(request, run):
            err().print(problem, style="yellow", highlight=False)
            raise typer.Exit(1)


replays.command("movielens")(joined(replay_options.asked, movielens))


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
    from simulator.run import Drive

    began_at = time.monotonic()
    with own_service(context, keep) as (service, client), explained(StalledError, SlateloopError):
        start_s = time.monotonic() - began_at
        err().print(f"service on {service.url} after {start_s:.1f} s; users of {world} come now", highlight=False)
        run = _run(client, world_course.course(world, world, seed=seed), Drive(max_lag=max_lag, seconds=seconds))
    _print_run(run, as_json=as_json, more={"world": world, "seed": seed, "start_s": round(start_s, 3)})
    if not as_json:
        typer.echo(_what_next(keep))


def simulate(
    request: simulate_options.Request, *, context: typer.Context, key: Key = "", as_json: Json = False
) -> None:
    """Run policies in worlds, in process or against a running service."""
    from simulator import simulate_command as body

    if request.list_only:
        with explained(*body.EXPLAINED):
            print_json(body.listing_json(request.trained)) if as_json else body.show_listing(out(), request.trained)
        return
    with explained(*body.EXPLAINED), stdout_for_results():
        if request.live:
            with connected(context, request.live, key, backoff=QUICK) as client:
                client.loop_names()
            with connected(context, request.live, key, backoff=PATIENT) as client:
                outcome = body.simulate(request, err(), live=body.Live(client, secrets.token_hex(3), request.live))
        else:
            outcome = body.simulate(request, err())
    _print_outcome(body, outcome, as_json=as_json)


app.command("simulate")(joined(simulate_options.asked, simulate))


def train(
    request: train_options.Request,
    *,
    context: typer.Context,
    url: Url = DEFAULT_URL,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Train agents in worlds, and publish one."""
    from simulator import train_command as body

    if request.publish:
        with connected(context, url, key, backoff=QUICK) as client:
            client.loop_names()  # told now rather than after an hour
            with explained(*body.EXPLAINED), suppress(NotFoundError):  # a loop that isn't there is made
                body.foresee(request, client, err())
    with explained(*body.EXPLAINED), stdout_for_results():
        outcome = body.train(request, err())
    if request.publish and outcome.is_finished:
        err().print(f"publishing to loop {request.publish} on {url} …", highlight=False)
        try:
            with outside(context).connect(url, key, PATIENT) as client:
                outcome = body.publish(outcome, client)
        except (SlateloopError, *body.EXPLAINED) as error:
            outcome = body.unpublished(outcome, told(error))
    _print_outcome(body, outcome, as_json=as_json)


app.command("train")(joined(train_options.asked, train))


def bakeoff(request: bakeoff_options.Request, *, as_json: Json = False) -> None:
    """Let policies meet, and name the default."""
    from simulator import bakeoff_command as body

    with explained(*body.EXPLAINED), stdout_for_results():
        outcome = body.bake(request, err())
    _print_outcome(body, outcome, as_json=as_json)


app.command("bakeoff")(joined(bakeoff_options.asked, bakeoff))


def parity(request: parity_options.Request, *, as_json: Json = False) -> None:
    """Compare restated worlds with their originals."""
    from simulator import parity_command as body

    with explained(*body.EXPLAINED):
        outcome = body.measure(request, err())
    _print_outcome(body, outcome, as_json=as_json)


app.command("parity")(joined(parity_options.asked, parity))


def _run(client: Client, course: Course, drive: Drive) -> Run:
    """Set the loop up and run the course; Ctrl-C ends it early and keeps what was counted."""
    from simulator.report import screen
    from simulator.run import begin, conduct

    loop = course.route.loop
    client.apply_settings(loop, course.settings)
    run = begin(client, course, drive)
    if run.gate.n_at_start:
        err().print(f"loop {loop} has learned from {run.gate.n_at_start:,} already; another loop name starts afresh")
    with screen(Console(stderr=True)) as shown, suppress(KeyboardInterrupt):
        conduct(client, run, shown)
    return run


def _print_run(run: Run, *, as_json: bool, more: Mapping[str, object]) -> None:
    from simulator.report import table, to_json

    if as_json:
        print_json({**to_json(run), **more})
    else:
        out().print(table(run))


def _print_outcome(body: Any, outcome: Any, *, as_json: bool) -> None:
    """Results of an experiment, by its own ``to_json`` or ``show``; exit code 1 where not everything is finished."""
    if as_json:
        print_json(body.to_json(outcome))
    else:
        body.show(outcome, out(), err())
    if not outcome.is_whole:
        raise typer.Exit(1)


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


def main() -> None:
    """Run the command line; SIGTERM ends it as Ctrl-C does, so that what it started is stopped."""
    status = 0
    with ended_by_sigterm():
        try:
            app()
        except SystemExit as ended:
            status = status_of(ended)
    leave(status)


if __name__ == "__main__":
    main()
