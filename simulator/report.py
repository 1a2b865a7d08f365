"""What a run against the live service looks like: a live table on a terminal, plain lines elsewhere, JSON for programs.

In: a ``Run`` (the tally and the pace so far). Out: renderables and text; every number in them was counted by the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.arms import LEARNED
from simulator.figures import known, rate
from simulator.run import Run, Screen
from simulator.tally import ArmSums, Tally
from simulator.views import view_of

LINE_EVERY_S = 5.0
DRAW_EVERY_S = 0.25


class PlainScreen:
    """One line every few seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = LINE_EVERY_S

    def update(self, run: Run) -> None:
        """Print a line if one is due."""
        if run.seconds >= self._next_s:
            self._next_s = run.seconds + LINE_EVERY_S
            run.gate.refresh()
            self._console.print(line(run), highlight=False, soft_wrap=True)


class LiveScreen:
    """A table redrawn in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._next_s = 0.0

    def update(self, run: Run) -> None:
        """Redraw if it is time."""
        if run.seconds >= self._next_s:
            self._next_s = run.seconds + DRAW_EVERY_S
            run.gate.refresh()
            self._live.update(table(run), refresh=True)


@contextmanager
def screen(console: Console) -> Iterator[Screen]:
    """A live table where the console is a terminal, else plain lines."""
    if not console.is_terminal:
        yield PlainScreen(console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield LiveScreen(live)


def line(run: Run) -> str:
    """The run in one line."""
    view = view_of(run.course)
    arms = ", ".join(f"{name} {view.figure(arm)}" for name, arm in _sorted(run.tally))
    return f"{_done(run)} requests, {rate(run.pace)}, {run.gate.lag} behind: {view.title()} {arms or '–'}"


def table(run: Run) -> Group:
    """The run as a table, with the learning curve below."""
    view = view_of(run.course)
    grid = Table(title=f"loop {run.course.route.loop}", title_justify="left", caption_justify="left")
    for number, heading in enumerate(("arm", *view.headings)):
        grid.add_column(heading, justify="left" if number == 0 else "right", no_wrap=True)
    for name, arm in _sorted(run.tally):
        grid.add_row(name, *view.cells(arm), style="bold green" if name == LEARNED else "")
    return Group(grid, *(Text(text) for text in notes(run)))


def notes(run: Run) -> list[str]:
    """What the columns mean, pace, lag, leads and the learning curve, as lines."""
    view, gate = view_of(run.course), run.gate
    return [
        view.explanation(),
        f"{_done(run)} requests in {run.seconds:.0f} s, {rate(run.pace)}; "
        f"{gate.lag} experiences behind (limit {gate.max_lag}, waited {gate.waited_s:.0f} s)",
        f"served snapshot: {gate.version or 'none yet'}",
        *view.findings(run),
    ]


def to_json(run: Run) -> dict[str, Any]:
    """The run as one JSON object; lifts and leads are fractions, and null where nothing was counted."""
    view = view_of(run.course)
    return {
        **view.json(run),
        "arms": {name: view.arm_json(arm) for name, arm in _sorted(run.tally)},
        "n_requests": run.tally.n,
        "seconds": round(run.seconds, 3),
        "pace_per_s": known(run.pace),
        "max_lag": run.gate.max_lag,
        "lag": run.gate.lag,
        "waited_s": round(run.gate.waited_s, 3),
        "loop": run.course.route.loop,
        "version": run.gate.version,
    }


def _done(run: Run) -> str:
    return f"{run.tally.n:,}" + (f" of {run.drive.n_wanted:,}" if run.drive.n_wanted else "")


def _sorted(tally: Tally) -> list[tuple[str, ArmSums]]:
    """Learned first, then by name."""
    return sorted(tally.arms.items(), key=lambda item: (item[0] != LEARNED, item[0]))
