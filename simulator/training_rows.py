"""The table of ``slateloop train``: who × world, with intervals, and what each training took.

In: pieces and their results. Out: ``Grid``s, for a terminal or a page, and the same as JSON.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from simulator.comparison import Estimate, mean_over_seeds
from simulator.comparison_report import known, number
from simulator.training import Piece, Result, Scene

EXPLANATION = (
    "Return: mean sum of rewards of an episode of the test users, who are the same for everyone and were met in no "
    "training; agents and bandits show their likeliest slates, without exploration, and learn nothing meanwhile. "
    "±: half a 95 % interval over seeds (Student's t); of references, and of a single seed, over users. "
    "Way: 0 is random, 100 the best reference of the world."
)
_Z = 1.96
_SPARKS = "▁▂▃▄▅▆▇█"

Results = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Row:
    """One who, in one world.

    Attributes:
        score: Return of an episode.
        way: From random to the best reference, 0 to 1; unknown where references are.
        seeds: That are finished; none of a reference.
        n_steps: Mean of an agent's steps until the point that was kept; NaN of others.
        minutes: A seed's wall-clock time.
        busy_min: Its processor time.
        curve: An agent's validations, mean over seeds.
    """

    scene: Scene
    name: str
    sort: str
    score: Estimate
    way: Estimate
    seeds: tuple[int, ...]
    n_steps: float
    minutes: float
    busy_min: float
    curve: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: first column left, the others right."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def rows_of(pieces: Iterable[Piece], results: Results) -> list[Row]:
    """One row per world and who, in the pieces' order: agents, bandits, references."""
    groups: dict[tuple[str, str, str], list[Piece]] = {}
    for piece in pieces:
        if piece.key in results:
            groups.setdefault((piece.scene.title, piece.sort, piece.name), []).append(piece)
    rows = [_row(group, [results[one.key] for one in group]) for group in groups.values()]
    order = {"agent": 0, "bandit": 1, "reference": 2}
    return sorted([_placed(row, rows) for row in rows], key=lambda row: order[row.sort])


def grids(rows: Sequence[Row]) -> list[Grid]:
    """Returns, ways, and what trainings took."""
    if not rows:
        return []
    trained = [row for row in rows if row.sort == "agent"]
    found = [
        _matrix("return of an episode", rows, lambda row: number(row.score)),
        _matrix("% of the way from random to the best reference", rows, lambda row: _percent(row.way)),
    ]
    return [*found, *([_trainings(trained)] if trained else [])]


def table(grid: Grid) -> Table:
    """For a terminal."""
    shown = Table(title=grid.title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, heading in enumerate(grid.headings):
        shown.add_column(heading, justify="right" if place else "left")
    for row in grid.rows:
        shown.add_row(*row)
    return shown


def markdown(grid: Grid) -> str:
    """For a page."""
    marks = ("---", *("---:" for _ in grid.headings[1:]))
    lines = [grid.headings, marks, *grid.rows]
    return f"### {grid.title.capitalize()}\n\n" + "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def to_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Everything of each row."""
    return [
        {
            "world": row.scene.title,
            "name": row.name,
            "sort": row.sort,
            "return": _estimate(row.score),
            "way": _estimate(row.way),
            "seeds": list(row.seeds),
            "n_steps": known(row.n_steps),
            "minutes_a_seed": known(row.minutes),
            "processor_minutes_a_seed": known(row.busy_min),
            "curve": [known(value) for value in row.curve],
        }
        for row in rows
    ]


def spark(values: Sequence[float]) -> str:
    """A curve in one line."""
    if not values:
        return ""
    low, high = min(values), max(values)
    step = (high - low) / (len(_SPARKS) - 1) or 1.0
    return "".join(_SPARKS[round((value - low) / step)] for value in values)


def _row(group: Sequence[Piece], results: Sequence[Result]) -> Row:
    first = group[0]
    return Row(
        first.scene,
        first.name,
        first.sort,
        _score(results),
        Estimate(math.nan, math.nan, math.nan, 0),
        () if first.sort == "reference" else tuple(one.seed for one in group),
        statistics.fmean(one.curve[one.kept].n_steps if one.curve else math.nan for one in results),
        statistics.fmean(one.seconds for one in results) / 60,
        statistics.fmean(one.busy_s for one in results) / 60,
        _mean_curve(results),
    )


def _score(results: Sequence[Result]) -> Estimate:
    if len(results) > 1:
        return mean_over_seeds([one.mean for one in results])
    (only,) = results
    half = _Z * only.sd / math.sqrt(only.n)
    return Estimate(only.mean, only.mean - half, only.mean + half, 1)


def _mean_curve(results: Sequence[Result]) -> tuple[float, ...]:
    """Over seeds, as far as all of them went."""
    return tuple(
        statistics.fmean(one.mean for one in looks) for looks in zip(*(one.curve for one in results), strict=False)
    )


def _placed(row: Row, rows: Sequence[Row]) -> Row:
    """The row with its way between the references of its world."""
    known_ = [one for one in rows if one.sort == "reference" and one.scene == row.scene]
    random = next((one.score.value for one in known_ if one.name == "random"), math.nan)
    gap = max((one.score.value for one in known_), default=math.nan) - random
    if not gap > 0.0:
        return row
    value, low, high = ((end - random) / gap for end in row.score[:3])
    return _with_way(row, Estimate(value, low, high, row.score.n_seeds))


def _with_way(row: Row, way: Estimate) -> Row:
    return Row(
        row.scene, row.name, row.sort, row.score, way, row.seeds, row.n_steps, row.minutes, row.busy_min, row.curve
    )


def _matrix(title: str, rows: Sequence[Row], cell: Any) -> Grid:
    worlds = list(dict.fromkeys(row.scene.title for row in rows))
    names = list(dict.fromkeys((row.sort, row.name) for row in rows))
    cells = {(row.scene.title, row.sort, row.name): cell(row) for row in rows}
    lines = [[_named(*who), *(cells.get((world, *who), "–") for world in worlds)] for who in names]
    return Grid(title, ["", *worlds], lines)


def _named(sort: str, name: str) -> str:
    return f"{name} (reference)" if sort == "reference" else name


def _trainings(rows: Sequence[Row]) -> Grid:
    headings = ["agent", "world", "seeds", "steps until kept", "minutes a seed", "of processor", "validation"]
    lines = [
        [
            row.name,
            row.scene.title,
            str(len(row.seeds)),
            f"{row.n_steps:,.0f}",
            f"{row.minutes:.1f}",
            f"{row.busy_min:.1f}",
            spark(row.curve),
        ]
        for row in rows
    ]
    return Grid("trainings", headings, lines)


def _percent(way: Estimate) -> str:
    if math.isnan(way.value):
        return "–"
    return f"{100 * way.value:.1f}" + ("" if math.isnan(way.half) else f" ± {100 * way.half:.1f}")


def _estimate(found: Estimate) -> dict[str, float | None]:
    return {"value": known(found.value), "low": known(found.low), "high": known(found.high)}
