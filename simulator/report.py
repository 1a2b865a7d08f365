"""What a run against the live service looks like: a live table on a terminal, plain lines elsewhere, JSON for programs.

In: a ``Run`` (the tally and the pace so far). Out: renderables and text; every number in them was counted by the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulator.run import Run, Screen
from simulator.tally import ArmSums, Interval, Tally

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
    done = f"{run.tally.n:,}" + (f" of {run.drive.n_wanted:,}" if run.drive.n_wanted else "")
    arms = ", ".join(
        f"{name} {_number(arm.reward_per_slot)} ({_percent(arm.lift)})" for name, arm in _sorted(run.tally)
    )
    return f"{done} requests, {_rate(run.pace)}, {run.gate.lag} behind: {run.course.reward_name} per slot {arms}"


def table(run: Run) -> Group:
    """The run as a table, with the learning curve below."""
    grid = Table(title=f"loop {run.course.route.loop}", title_justify="left", caption_justify="left")
    headings = ("arm", "requests", f"{run.course.reward_name} per slot", "uniform gets", "lift")
    for number, heading in enumerate(headings):
        grid.add_column(heading, justify="left" if number == 0 else "right", no_wrap=True)
    for name, arm in _sorted(run.tally):
        grid.add_row(*_cells(name, arm), style="bold green" if name == "learned" else "")
    return Group(grid, *(Text(text) for text in notes(run)))


def notes(run: Run) -> list[str]:
    """Pace, lag, leads and the learning curve, as lines."""
    tally, gate = run.tally, run.gate
    done = f"{tally.n:,}" + (f" of {run.drive.n_wanted:,}" if run.drive.n_wanted else "")
    lines = [
        "uniform gets: what a uniform choice among the same offers gets, exactly; lift is over it; ±: 95 % intervals",
        f"{done} requests in {run.seconds:.0f} s, {_rate(run.pace)}; "
        f"{gate.lag} experiences behind (limit {gate.max_lag}, waited {gate.waited_s:.0f} s)",
        f"served snapshot: {gate.version or 'none yet'}",
    ]
    leads = [
        f"{_percent(tally.lead('learned', name))} over {name}" for name in run.course.controls if name in tally.arms
    ]
    if leads:
        lines.append("learned arm: " + ", ".join(leads))
    if curve := tally.learning_curve():
        steps = "  ".join(f"{end:,}: {_percent(lift)}" for end, lift, _ in curve[-12:])
        lines.append(f"learned lift by {tally.block:,} requests: {steps}")
    return lines


def to_json(run: Run) -> dict[str, Any]:
    """The run as one JSON object; lifts are fractions, and null where nothing was counted."""
    tally = run.tally
    lifts = {f"lift_{name}": _known(tally.arm(name).lift) for name in run.course.controls}
    return {
        "lift": _known(tally.arm("learned").lift),
        **lifts,
        "arms": {name: _arm(arm) for name, arm in _sorted(tally)},
        "lead_over": {name: _known(tally.lead("learned", name)) for name in run.course.controls},
        "learning_curve": [
            {"until": end, "lift": _known(lift), "interval_95": _pair(interval)}
            for end, lift, interval in tally.learning_curve()
        ],
        "n_requests": tally.n,
        "seconds": round(run.seconds, 3),
        "pace_per_s": _known(run.pace),
        "max_lag": run.gate.max_lag,
        "lag": run.gate.lag,
        "waited_s": round(run.gate.waited_s, 3),
        "loop": run.course.route.loop,
        "version": run.gate.version,
    }


def _arm(arm: ArmSums) -> dict[str, Any]:
    return {
        "n_requests": arm.n,
        "n_slots": arm.n_slots,
        "reward_per_slot": _known(arm.reward_per_slot),
        "interval_95": _pair(arm.reward_interval),
        "uniform_expectation": _known(arm.expectation),
        "lift": _known(arm.lift),
        "lift_interval_95": _pair(arm.lift_interval),
    }


def _cells(name: str, arm: ArmSums) -> tuple[str, ...]:
    return (
        name,
        f"{arm.n:,}",
        f"{_number(arm.reward_per_slot)} ± {_number(_half(arm.reward_interval))}",
        _number(arm.expectation),
        f"{_percent(arm.lift)} ± {_percent(_half(arm.lift_interval)).removeprefix('+')}",
    )


def _sorted(tally: Tally) -> list[tuple[str, ArmSums]]:
    """Learned first, then by name."""
    return sorted(tally.arms.items(), key=lambda item: (item[0] != "learned", item[0]))


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _rate(value: float) -> str:
    return "–/s" if math.isnan(value) else f"{value:.0f}/s"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.1%}"


def _half(interval: Interval) -> float:
    return (interval[1] - interval[0]) / 2


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 5)


def _pair(interval: Interval) -> list[float | None]:
    return [_known(end) for end in interval]
