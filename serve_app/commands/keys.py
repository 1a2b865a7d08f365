"""``slateloop keys``: make, list and revoke API keys.

In: scopes and a name. Out: a key, shown once, or tables and JSON without secrets.
"""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
import typer

from serve_app.calls import Scope
from serve_app.commands.connection import DEFAULT_URL, Key, Url, connected
from serve_app.commands.output import Json, out, print_json, print_table

SCOPES = ("decide", "reward", "admin")

app = typer.Typer(
    no_args_is_help=True,
    help="Make, list and revoke API keys.",
    epilog="A browser gets a key of its own: slateloop keys create reward --loop front-page --name web",
)


@app.command()
def create(
    context: typer.Context,
    scopes: Annotated[list[str], typer.Argument(help="What it may do: decide, reward, admin.", show_default=False)],
    *,
    loop: Annotated[str | None, typer.Option("--loop", help="Only this loop; else every loop.")] = None,
    name: Annotated[str, typer.Option("--name", help="For people: who uses it.")] = "",
    url: Url = DEFAULT_URL,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Make an API key and show it once.

    Example: slateloop keys create decide reward --loop front-page --name website
    """
    wrong = [scope for scope in scopes if scope not in SCOPES]
    if wrong:
        raise typer.BadParameter(f"{', '.join(wrong)}: a scope is one of {', '.join(SCOPES)}")
    with connected(context, url, key) as client:
        made = client.create_key(cast("list[Scope]", scopes), loop=loop, name=name)
    if as_json:
        print_json(msgspec.to_builtins(made))
        return
    typer.echo(made.secret)
    out().print("Keep it now: only its hash is stored.", style="yellow")


@app.command("list")
def list_keys(context: typer.Context, *, url: Url = DEFAULT_URL, key: Key = "", as_json: Json = False) -> None:
    """List the keys that work, without their secrets.

    Example: slateloop keys list
    """
    with connected(context, url, key) as client:
        found = client.keys()
    if as_json:
        print_json([msgspec.to_builtins(one) for one in found])
        return
    rows = [[one.id, " ".join(one.scopes), one.loop or "every", one.name] for one in found]
    print_table("keys", ["id", "scopes", "loop", "name"], rows)


@app.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="An id from `keys list`.", show_default=False)],
    *,
    url: Url = DEFAULT_URL,
    key: Key = "",
) -> None:
    """End a key at once.

    Example: slateloop keys revoke 3f9a1c20
    """
    with connected(context, url, key) as client:
        client.revoke_key(key_id)
    out().print(f"key {key_id} works no more", highlight=False)
