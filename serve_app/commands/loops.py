"""``slateloop loops``: look at loops, change their settings from a YAML file, roll their snapshots back.

In: arguments and files. Out: tables or JSON; settings are validated here first, so that all problems show at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import yaml

from agent.counted import counted
from agent.loops import LoopSettings, SettingsError, parse_yaml
from policies import registry
from serve_app.answers import LoopVersion, Snapshot
from serve_app.commands.connection import DEFAULT_URL, Key, Url, connected
from serve_app.commands.output import Json, fail, out, print_json, print_table
from serve_app.commands.status_page import print_status

N_NAMED = 5
"""Versions that an error names."""

app = typer.Typer(
    no_args_is_help=True,
    help="Look at loops, change their settings, roll their models back.",
    epilog="Start with: slateloop loops status default",
)

Loop = Annotated[str, typer.Argument(help="The loop's name.", show_default=False)]


@app.command("list")
def list_loops(context: typer.Context, *, url: Url = DEFAULT_URL, key: Key = "", as_json: Json = False) -> None:
    """Name every loop.

    Example: slateloop loops list --json
    """
    with connected(context, url, key) as client:
        names = client.loop_names()
    if as_json:
        print_json(names)
    else:
        print_table("loops", ["loop"], [[name] for name in names])


@app.command()
def show(context: typer.Context, loop: Loop, *, url: Url = DEFAULT_URL, key: Key = "", as_json: Json = False) -> None:
    """Show a loop's settings, as YAML that `loops apply` takes back.

    Example: slateloop loops show default > loop.yaml
    """
    with connected(context, url, key) as client:
        stored = client.settings(loop)
    if as_json:
        print_json(_version_json(stored))
        return
    typer.echo(f"# loop {stored.loop}, version {stored.version}, learning hash {stored.learning_hash}")
    typer.echo(yaml.safe_dump(stored.settings.model_dump(mode="json"), sort_keys=False), nl=False)


@app.command()
def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Loop settings, YAML.", show_default=False)],
    *,
    loop: Annotated[str, typer.Option("--loop", help="The loop to change, or to begin.", show_default=False)],
    url: Url = DEFAULT_URL,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Validate a settings file and store it; the loop gets a new version only if something changed.

    Serving settings act at once. A change of what is learned starts a new lineage, replayed from the log.

    Example: slateloop loops apply loop.yaml --loop front-page
    """
    settings = read_settings(file)
    with connected(context, url, key) as client:
        stored = client.apply_settings(loop, settings)
    if as_json:
        print_json(_version_json(stored))
    else:
        out().print(f"loop {stored.loop}: version {stored.version}, learning hash {stored.learning_hash}")


@app.command()
def versions(
    context: typer.Context, loop: Loop, *, url: Url = DEFAULT_URL, key: Key = "", as_json: Json = False
) -> None:
    """List every version of a loop's settings.

    Example: slateloop loops versions default
    """
    with connected(context, url, key) as client:
        found = client.versions(loop)
    if as_json:
        print_json([_version_json(one) for one in found])
        return
    rows = [[one.version, one.learning_hash, _policy(one.settings), _shares(one.settings)] for one in found]
    print_table(f"settings of {loop}", ["version", "learning hash", "policy", "variants"], rows)


@app.command()
def status(context: typer.Context, loop: Loop, *, url: Url = DEFAULT_URL, key: Key = "", as_json: Json = False) -> None:
    """Say what a loop has learned, from how much, how late, and why nothing changed if nothing did.

    Example: slateloop loops status default
    """
    with connected(context, url, key) as client:
        found = client.status(loop)
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        print_status(found)


@app.command()
def snapshots(
    context: typer.Context, loop: Loop, *, url: Url = DEFAULT_URL, key: Key = "", as_json: Json = False
) -> None:
    """List the snapshots that a loop can be rolled back to.

    Example: slateloop loops snapshots default
    """
    with connected(context, url, key) as client:
        found = client.snapshots(loop)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    rows = [[one.version, one.lineage, one.n_learned, _instant(one.published_at)] for one in found]
    print_table(f"snapshots of {loop}", ["version", "lineage", "learned from", "published"], rows)


@app.command()
def rollback(
    context: typer.Context,
    loop: Loop,
    version: Annotated[
        str, typer.Argument(help="One of `loops snapshots`; without it they are listed.", show_default=False)
    ] = "",
    *,
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """Serve an older snapshot and stay there; learning goes on, unserved, until `loops release`.

    Without VERSION it changes nothing and names the newest versions that there are.

    Example: slateloop loops rollback default VERSION
    """
    with connected(context, url, key) as client:
        if not version:
            fail(_which_version(loop, client.snapshots(loop)), code=2)
        client.roll_back(loop, version)
    out().print(f"loop {loop} serves {version} until `slateloop loops release {loop}`", highlight=False)


@app.command()
def release(context: typer.Context, loop: Loop, *, url: Url = DEFAULT_URL, key: Key = "") -> None:
    """End a rollback: the newest snapshot is served again.

    Example: slateloop loops release default
    """
    with connected(context, url, key) as client:
        client.release(loop)
    out().print(f"loop {loop} serves its newest snapshot again", highlight=False)


@app.command("delete-log")
def delete_log(
    context: typer.Context,
    loop: Loop,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    url: Url = DEFAULT_URL,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Delete the recorded past of a loop: every event that no learner needs any more. The model stays as it is.

    It can't be undone: settings that change what is learned then learn from what is left.

    Example: slateloop loops delete-log default --yes
    """
    if not yes:
        typer.confirm(f"Delete the recorded past of loop {loop}? It can't be undone.", abort=True, err=True)
    with connected(context, url, key) as client:
        done = client.delete_log(loop)
    if as_json:
        print_json(msgspec.to_builtins(done))
        return
    left = f"the log begins at {done.first} now" if done.first else "the log is empty"
    out().print(
        " ".join(filter(None, [f"{counted(done.deleted, 'entry', 'entries')} deleted; {left}.", done.why])),
        highlight=False,
    )


def read_settings(file: Path) -> LoopSettings:
    """Loop settings from a YAML file; every problem is printed, the policy's options included, before exit code 1."""
    try:
        settings = parse_yaml(file.read_text(encoding="utf-8"), source=str(file))
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f"{file}: not UTF-8 text: {error}")
    except SettingsError as error:
        fail(*error.problems)
    problems = registry.problems(settings.policy.kind, settings.policy.options)
    if problems:
        fail(*(f"{file}: policy: {problem}" for problem in problems))
    return settings


def _which_version(loop: str, kept: Sequence[Snapshot]) -> str:
    """What to name, where no version was."""
    if not kept:
        return f"VERSION is missing, and loop {loop} has no snapshot yet to roll back to"
    newest = ", ".join(f"{one.version} (of {_instant(one.published_at)})" for one in kept[:N_NAMED])
    older = counted(len(kept) - N_NAMED, "older one")
    more = f" and {older}, see `slateloop loops snapshots {loop}`" if len(kept) > N_NAMED else ""
    return f"VERSION is missing; name one of these, newest first: {newest}{more}"


def _version_json(stored: LoopVersion) -> dict[str, Any]:
    return {
        "loop": stored.loop,
        "version": stored.version,
        "learning_hash": stored.learning_hash,
        "settings": stored.settings.model_dump(mode="json"),
    }


def _policy(settings: LoopSettings) -> str:
    """Its kind, and which agent it begins with: of two of one kind, enough of the address to tell them apart."""
    policy = settings.policy
    return f"{policy.kind} from {policy.start.removeprefix('sha256:')[:8]}" if policy.start else policy.kind


def _shares(settings: LoopSettings) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in settings.variants.items())


def _instant(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=UTC).isoformat(sep=" ", timespec="seconds")
