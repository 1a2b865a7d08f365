"""How an experiment's progress looks: a bar on a terminal, a line per finished piece elsewhere.

In: what ``experiments.conduct`` tells. Out: lines on a console.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from agent.counted import counted
from simulator.cells import Job
from simulator.comparison import arm_sums, value_of
from simulator.comparison_report import MORE
from simulator.experiments import Screen
from simulator.measuring import Failure
from simulator.records import CellRecord, Record
from simulator.stopping import answered


class PlainProgress:
    """A line per finished piece, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._n_all = self._n_done = 0

    def begin(self, n_all: int, n_found: int, n_outdated: int, first: str) -> None:
        """Say what was found."""
        self._n_all, self._n_done = n_all, n_found
        text = _found(n_all, n_found, n_outdated) + (f"; beginning with {first}" if first else "")
        self.doing(text)

    def doing(self, text: str) -> None:
        """A line."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def finished(self, job: Job, result: Record | Failure) -> None:
        """Say what came of it."""
        self._n_done += 1
        width = len(str(self._n_all))
        line = f"[{self._n_done:>{width}}/{self._n_all}] {summary(job, result)}"
        self._console.print(
            escape(line), style="red" if isinstance(result, Failure) else "", highlight=False, soft_wrap=True
        )


class BarProgress:
    """A bar; failures stay above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, n_all: int, n_found: int, n_outdated: int, first: str) -> None:
        """Show the bar."""
        self._progress.console.print(_found(n_all, n_found, n_outdated), highlight=False, soft_wrap=True)
        self._task = self._progress.add_task(escape(f"beginning with {first}"), total=n_all, completed=n_found)

    def doing(self, text: str) -> None:
        """Beside the bar."""
        if self._task is not None:
            self._progress.update(self._task, description=escape(text))

    def finished(self, job: Job, result: Record | Failure) -> None:
        """Move the bar."""
        if isinstance(result, Failure):
            self._progress.console.print(escape(summary(job, result)), style="red", highlight=False, soft_wrap=True)
        if self._task is not None:
            self._progress.update(self._task, advance=1, description=escape(job.title))


@contextmanager
def progress(console: Console) -> Iterator[Screen]:
    """A bar where the console is a terminal, else plain lines."""
    if not console.is_terminal:
        with answered(lambda text: console.print(text, highlight=False)):
            yield PlainProgress(console)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with (
        Progress(*columns, console=console, transient=True) as shown,
        answered(lambda text: shown.console.print(text, highlight=False)),
    ):
        yield BarProgress(shown)


def summary(job: Job, result: Record | Failure) -> str:
    """One piece in one line."""
    if isinstance(result, Failure):
        return f"{job.title}: failed: {result.error}"
    if not isinstance(result, CellRecord):
        return f"{job.title}: {result.seconds:.1f} s"
    arm = result.cell.policy.arm
    sums = arm_sums(result, arm)
    value = value_of(sums, result.per, "kpi")
    if math.isnan(value):
        return f"{job.title}: no {result.per} ended in the {counted(sums.n_slates, 'request')} of arm {arm}; {MORE}"
    return f"{job.title}: {result.kpi_name} {value:.4g} in arm {arm}, {result.seconds:.1f} s"


def _found(n_all: int, n_found: int, n_outdated: int) -> str:
    before = f", {n_found} of them finished before" if n_found else ""
    them = "it" if n_outdated == 1 else "them"
    again = f", {n_outdated} measured again since other code measured {them}" if n_outdated else ""
    return f"{counted(n_all, 'piece')} of work{before}{again}"
