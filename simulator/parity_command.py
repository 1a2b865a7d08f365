"""The body of ``slateloop parity``: from what was asked on the command line to rows, and the page made of them.

In: a ``Request``. Out: an ``Outcome``, which prints itself as a page or JSON, and may fill a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from simulator import parity_page, parity_screen
from simulator.notices import Tell, on_stderr
from simulator.parity import Row, run
from simulator.parity_options import Request
from simulator.results import ResultsError

EXPLAINED = (ResultsError,)
"""Errors whose message names value and cure."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    request: Request
    rows: Sequence[Row]

    @property
    def is_whole(self) -> bool:
        """Every row passed."""
        return all(row.passed for row in self.rows)

    @property
    def page(self) -> str:
        """Markdown."""
        return parity_page.markdown(self.rows, n_episodes=self.request.n_episodes, seed=self.request.seed)


def measure(request: Request, console: Console) -> Outcome:
    """Measure every row, write the page's file.

    Args:
        request: What is asked for.
        console: For progress; results go elsewhere.

    Raises:
        ResultsError: the file can't be written, or is another page.
    """
    if request.write is not None:
        _require_own(request.write)
    with parity_screen.bar(console) as progress:
        outcome = Outcome(request, run(n_episodes=request.n_episodes, seed=request.seed, progress=progress))
    if request.write is not None:
        _write(request.write, outcome.page)
    return outcome


def show(outcome: Outcome, out: Console, err: Console) -> None:
    """Print the page as it stands, for files and pipes; there is nothing to tell beside it."""
    out.print(outcome.page, markup=False, emoji=False, highlight=False, soft_wrap=True)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """The rows."""
    return parity_page.to_json(outcome.rows)


def _require_own(path: Path) -> None:
    """This page fills a whole file, so a page of other things, such as one of results, isn't written over.

    Raises:
        ResultsError: it is one, or can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} can't be read: {error}; give another file with --write") from error
    if text.strip() and not text.startswith(parity_page.TITLE):
        raise ResultsError(f"{path} is another page, and would be replaced as a whole; give another file with --write")


def _write(path: Path, page: str, *, tell: Tell = on_stderr) -> None:
    done = "replaced" if path.exists() else "made"
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"{path} can't be written: {error}; give another file with --write") from error
    tell(f"{path}: page {done}")
