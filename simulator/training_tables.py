"""The tables of ``slateloop train``: returns, what trainings took, what a log teaches, and the bars.

In: rows, findings, and what a decision costs. Out: ``Grid``s, for a terminal or a page; every figure was measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rich.box import SIMPLE_HEAD
from rich.table import Table

from simulator.comparison import Estimate
from simulator.comparison_report import number
from simulator.training_bars import Finding, signed
from simulator.training_rows import Row

BARS = "bars"
EXPLANATION = (
    "Return: mean sum of rewards of an episode of the test users, who are the same for everyone and were met in no "
    "training; agents and bandits show their likeliest slates, without exploration, and learn nothing meanwhile. "
    "±: half a 95 % interval over seeds (Student's t); of references, and of a single seed, over users. "
    "Way: 0 is random, 100 the best reference of the world."
)
_SPARKS = "▁▂▃▄▅▆▇█"
_NOTHING: Mapping[tuple[str, str], float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: first column left, the others right, unless all of it is words.

    Attributes:
        note: A sentence below.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def grids(
    rows: Sequence[Row], bars: Sequence[Finding] = (), decide_us: Mapping[tuple[str, str], float] = _NOTHING
) -> list[Grid]:
    """Returns, ways, trainings, logs, bars; what is empty is left out.

    Args:
        rows: Of the run.
        bars: How they stand.
        decide_us: World's title and who → microseconds of a decision.
    """
    alike = [row for row in rows if row.sort != "log"]
    found = [
        _matrix("return of an episode", alike, lambda row: number(row.score)),
        _matrix("% of the way from random to the best reference", alike, lambda row: _percent(row.way)),
        _trainings([row for row in rows if row.sort == "agent"], decide_us),
        _logs([row for row in rows if row.sort == "log"]),
        _bars(bars),
    ]
    return [grid for grid in found if grid.rows]


def table(grid: Grid) -> Table:
    """For a terminal."""
    shown = Table(
        title=grid.title,
        title_justify="left",
        caption=grid.note or None,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    for place, heading in enumerate(grid.headings):
        shown.add_column(heading, justify="right" if place and grid.title != BARS else "left")
    for row in grid.rows:
        shown.add_row(*row)
    return shown


def markdown(grid: Grid) -> str:
    """For a page."""
    marks = ("---", *("---" if grid.title == BARS else "---:" for _ in grid.headings[1:]))
    lines = [grid.headings, marks, *grid.rows]
    text = f"### {grid.title.capitalize()}\n\n" + "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    return f"{text}\n\n{grid.note}" if grid.note else text


def spark(values: Sequence[float]) -> str:
    """A curve in one line."""
    if not values:
        return ""
    low, high = min(values), max(values)
    step = (high - low) / (len(_SPARKS) - 1) or 1.0
    return "".join(_SPARKS[round((value - low) / step)] for value in values)


def _matrix(title: str, rows: Sequence[Row], cell: Callable[[Row], str]) -> Grid:
    worlds = list(dict.fromkeys(row.scene.title for row in rows))
    names = list(dict.fromkeys((row.sort, row.who) for row in rows))
    cells = {(row.scene.title, row.sort, row.who): cell(row) for row in rows}
    lines = [[who, *(cells.get((world, sort, who), "–") for world in worlds)] for sort, who in names]
    return Grid(title, ["", *worlds], lines)


def _trainings(rows: Sequence[Row], decide_us: Mapping[tuple[str, str], float]) -> Grid:
    headings = [
        "agent",
        "world",
        "seeds",
        "steps at most",
        "steps until kept",
        "minutes a seed",
        "slowest seed, minutes",
        "processor minutes",
        "decision (µs)",
        "validation",
    ]
    lines = [
        [
            row.who,
            row.scene.title,
            str(len(row.seeds)),
            f"{row.first.budget.n_steps:,}",
            f"{row.n_steps:,.0f}",
            f"{row.minutes:.1f}",
            f"{row.most_minutes:.1f}",
            f"{row.busy_min:.1f}",
            _micro(decide_us.get((row.scene.title, row.who))),
            spark(row.curve),
        ]
        for row in rows
    ]
    note = (
        "Minutes: wall-clock time of a seed, validation and test users included, whatever else ran on the machine; "
        "processor minutes: processor time of all threads of a seed; both are means over seeds. Decision: processor "
        "time of the policy alone, choosing a slate of the world's size by the first seed's snapshot, no HTTP and no "
        "log; the fastest of several tries of each, then the median. Validation: the mean curve over seeds."
    )
    return Grid("trainings", headings, lines, note)


def _logs(rows: Sequence[Row]) -> Grid:
    headings = [
        "agent",
        "world",
        "seeds",
        "decisions of the control",
        "return after them",
        "served by itself",
        "return after serving",
        "gain",
        "minutes a seed",
        "processor minutes",
    ]
    lines = [
        [
            row.first.name,
            row.scene.title,
            str(len(row.seeds)),
            f"{row.first.n_logged:,}",
            number(row.score),
            f"{row.first.n_served:,}",
            number(row.served),
            signed(row.gain),
            f"{row.minutes:.1f}",
            f"{row.busy_min:.1f}",
        ]
        for row in rows
    ]
    note = (
        "The agent's learner was fed by a loop whose slates a uniform control chose, and by nothing else of the world; "
        "then its own snapshots served, with exploration, while it learned on. Gain: seed by seed. Minutes: serving, "
        "learning and scoring together."
    )
    return Grid("learned from a log", headings, lines, note)


def _bars(findings: Sequence[Finding]) -> Grid:
    lines = [
        [one.world, one.who, one.asked, one.reached, one.outcome + (f": {one.why}" if one.why else "")]
        for one in findings
    ]
    note = "Judged by the mean over seeds; minutes by the slowest seed's wall-clock time."
    return Grid(BARS, ["world", "who", "asked", "measured", ""], lines, note)


def _micro(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _percent(way: Estimate) -> str:
    if math.isnan(way.value):
        return "–"
    return f"{100 * way.value:.1f}" + ("" if math.isnan(way.half) else f" ± {100 * way.half:.1f}")
