"""How commands speak: results on stdout, everything else on stderr, JSON on request, exit codes that scripts can trust.

0 is success, 1 a failure that was explained, 2 a wrong command line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of a table.")]


PIPE_COLUMNS = 200
"""A pipe has no width of its own; a table in it is as wide as it needs to be."""


def out() -> Console:
    """Where results go."""
    return Console(soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def err() -> Console:
    """Where notes and problems go."""
    return Console(stderr=True, soft_wrap=True)


def fail(*problems: str, code: int = 1) -> NoReturn:
    """Say what is wrong, one problem a line, and exit with 1, or another code."""
    console = err()
    for problem in problems:
        console.print(problem, style="red", markup=False, highlight=False)
    raise typer.Exit(code)


@contextmanager
def stdout_for_results() -> Iterator[None]:
    """Send what libraries print to stderr meanwhile: stdout is for results."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def explained(*errors: type[Exception]) -> Iterator[None]:
    """Turn these errors, whose message names value and cure, into a message and exit code 1."""
    try:
        yield
    except errors as error:
        fail(str(error))


def print_json(value: Any) -> None:
    """Print one JSON value on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; None is shown as a dash."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row))
    out().print(table)
