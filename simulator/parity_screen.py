"""How a parity run's progress looks: a bar on a terminal, nothing elsewhere.

In: a console. Out: what ``parity.run`` tells its progress to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from simulator.parity import Progress


@contextmanager
def bar(console: Console) -> Iterator[Progress | None]:
    """A bar over the cells where the console is a terminal; else None."""
    if not console.is_terminal:
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True) as shown:
        task = shown.add_task("starting", total=None)

        def tell(n_done: int, n_all: int, title: str) -> None:
            shown.update(task, completed=n_done, total=n_all, description=escape(title))

        yield tell
