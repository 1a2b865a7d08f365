from __future__ import annotations

from typing import Annotated

import typer
from typer.testing import CliRunner

from simulator.command_options import joined

heard: list[tuple[str, int, bool, str | None]] = []


def asked(
    *, name: Annotated[str, typer.Option("--name", help="Who.")], n: Annotated[int, typer.Option("--n", min=1)] = 3
) -> tuple[str, int]:
    """Greet someone.

    Example: greet --name Ada
    """
    return name, n


def greet(request: tuple[str, int], *, context: typer.Context, loud: Annotated[bool, typer.Option()] = False) -> None:
    """Never shown."""
    heard.append((*request, loud, context.info_name))


app = typer.Typer()
app.command()(joined(asked, greet))


def test_options_of_both_reach_their_function() -> None:
    heard.clear()
    result = CliRunner().invoke(app, ["--name", "Ada", "--loud"])
    assert (result.exit_code, [one[:3] for one in heard]) == (0, [("Ada", 3, True)])
    assert CliRunner().invoke(app, ["--name", "Ada", "--n", "0"]).exit_code == 2
    assert CliRunner().invoke(app, []).exit_code == 2


def test_the_help_is_that_of_what_is_asked() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert "Greet someone" in shown
    assert "Example: greet --name Ada" in " ".join(shown.split())
    assert "--loud" in shown
    assert "Never shown" not in shown


def test_the_command_has_the_name_of_what_runs() -> None:
    assert joined(asked, greet).__name__ == "greet"
