"""A comparison for people and programs: tables for the terminal, JSON, and a Markdown page with all it was made from.

In: rows of ``comparison``. Out: renderables and text; every figure in them was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from agent.counted import counted
from simulator.comparison import SPANS, Estimate, Row, Span
from simulator.records import code_digest

HEADINGS = ("% of gap", "% of gap,\nlast quarter", "lead, %", "lead, %,\nlast quarter")
EXPLANATION = (
    "KPI and reward per slate or per episode, as the KPI is counted. "
    "% of gap: reward between random (0) and the informed reference (100). "
    "Lead: KPI over the popularity arm that learns from the same log. "
    "Random, myopic and informed know the world and learn nothing. "
    "±: half a 95 % interval over seeds (Student's t, paired by seed)."
)
TITLE = "Policies in simulated worlds"
OLD = " *"
MORE = "ask for more (--requests)"


def tables(rows: Sequence[Row], references: Sequence[Row]) -> list[Table]:
    """One table per world, policies in their order, references below."""
    return [_table(world, group) for world, group in _worlds([*rows, *references]).items()]


def n_old(rows: Iterable[Row]) -> int:
    """How many policies and references of worlds have something in them that other code than this has measured."""
    return sum(_is_old(row) for row in rows if row.span == SPANS[0])


def to_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """One object per world, policy and span; shares and leads are fractions; null where nothing is known."""
    return [
        {
            "world": row.setting.preset,
            "options": dict(row.setting.options),
            "n_candidates": row.setting.n_candidates,
            "slate_size": row.setting.n_slots,
            "policy": row.policy,
            "arm": row.arm,
            "n_requests": row.n_requests,
            "n_seeds": row.kpi.n_seeds,
            "seeds": list(row.seeds),
            "codes": list(row.codes),
            "span": row.span,
            "kpi_name": row.kpi_name,
            "per": row.per,
            "kpi": _estimate(row.kpi),
            "reward": _estimate(row.reward),
            "gap_share": _estimate(row.gap),
            "lead_over_popularity": _estimate(row.lead),
        }
        for row in rows
    ]


def to_markdown(
    rows: Sequence[Row], references: Sequence[Row], *, command: str, notes: Sequence[str] = (), machine: str = ""
) -> str:
    """A section of a page: the command, what to know before believing the figures, a table per world."""
    parts = [f"## {TITLE}", f"```\n{command}\n```", "\n".join(f"- {note}" for note in notes)]
    for world, group in _worlds([*rows, *references]).items():
        first = group[0]
        parts += [
            f"### {world}",
            f"{_length(group)}. KPI: {first.kpi_name} per {first.per}.",
            _grid(_headings(first), [_cells(*spans, group) for spans in _policies(group)]),
            _nothing_ended(group),
            _of_other_code(group),
        ]
    codes = sorted({code for row in (*rows, *references) for code in row.codes})
    parts += [EXPLANATION, f"Measured by code {', '.join(codes)}, on: {machine}." if machine and codes else ""]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(world: str, rows: Sequence[Row]) -> Table:
    table = Table(
        title=f"{world}: {_length(rows)}",
        title_justify="left",
        caption="\n".join(filter(None, (_nothing_ended(rows), _of_other_code(rows)))) or None,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for place, heading in enumerate(_headings(rows[0])):
        table.add_column(heading, justify="right" if place else "left", overflow="fold", no_wrap=place > 0)
    for whole, last in _policies(rows):
        style = "dim" if whole.is_reference else "" if math.isnan(whole.lead.value) else "bold"
        table.add_row(*_cells(whole, last, rows), style=style)
    return table


def _headings(row: Row) -> tuple[str, ...]:
    return ("policy", row.kpi_name, "reward", *HEADINGS)


def _cells(whole: Row, last: Row, group: Sequence[Row]) -> tuple[str, ...]:
    own = "" if whole.seeds == group[0].seeds else f" ({_seeds(whole.seeds)})"
    return (
        whole.policy + own + (OLD if _is_old(whole) else ""),
        number(whole.kpi),
        number(whole.reward),
        _points(whole.gap),
        _points(last.gap),
        _points(whole.lead, signed=True),
        _points(last.lead, signed=True),
    )


def _length(rows: Sequence[Row]) -> str:
    """Requests and the first row's seeds; rows with others say so themselves."""
    first = rows[0]
    return f"{first.n_requests:,} requests, {_seeds(first.seeds)}" + (", so no intervals" if _is_single(rows) else "")


def _is_single(rows: Sequence[Row]) -> bool:
    return all(len(row.seeds) < 2 for row in rows)


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return "seeds " + ", ".join(map(str, seeds))


def _is_old(row: Row) -> bool:
    return any(code != code_digest() for code in row.codes)


def _of_other_code(rows: Sequence[Row]) -> str:
    whole = [row for row in rows if row.span == SPANS[0]]
    n = n_old(rows)
    return f"*: {n} of {len(whole)} rows hold what other code than this has measured." if n else ""


def _nothing_ended(rows: Sequence[Row]) -> str:
    """Why a row has dashes for what it is about, and what to do."""
    names = [row.policy for row in rows if row.span == SPANS[0] and math.isnan(row.kpi.value)]
    n = counted(rows[0].n_requests, "request")
    return f"{', '.join(names)}: no {rows[0].per} ended in {n}; {MORE}." if names else ""


def _worlds(rows: Iterable[Row]) -> dict[str, list[Row]]:
    worlds: dict[str, list[Row]] = {}
    for row in rows:
        worlds.setdefault(row.setting.title, []).append(row)
    return worlds


def _policies(rows: Iterable[Row]) -> list[tuple[Row, Row]]:
    """Whole run and last quarter of each policy."""
    found: dict[str, dict[Span, Row]] = {}
    for row in rows:
        found.setdefault(row.policy, {})[row.span] = row
    return [(spans[SPANS[0]], spans[SPANS[1]]) for spans in found.values()]


def number(estimate: Estimate) -> str:
    """The value with half its interval."""
    if math.isnan(estimate.value):
        return "–"
    half = "" if math.isnan(estimate.half) else f" ± {_figures(estimate.half, like=estimate.value)}"
    return _figures(estimate.value) + half


def percent(estimate: Estimate, *, signed: bool = False) -> str:
    """The same as a percentage."""
    if math.isnan(estimate.value):
        return "–"
    value = f"{estimate.value:+.1%}" if signed else f"{estimate.value:.1%}"
    return (value if math.isnan(estimate.half) else f"{value} ± {estimate.half:.1%}").replace("%", " %")


def _points(estimate: Estimate, *, signed: bool = False) -> str:
    """A share in per cent, without the sign that the heading has, and no finer than its interval allows."""
    if math.isnan(estimate.value):
        return "–"
    decimals = 0 if estimate.half >= 0.1 else 1
    value = f"{100 * estimate.value:{'+' if signed else ''}.{decimals}f}"
    return value if math.isnan(estimate.half) else f"{value} ± {100 * estimate.half:.{decimals}f}"


def _figures(value: float, like: float | None = None) -> str:
    """Four figures, or as many decimals as another value has."""
    size = abs(value if like is None else like)
    if math.isnan(value):
        return "–"
    decimals = 4 if size < 1 else 3 if size < 10 else 2 if size < 100 else 1
    return f"{value:,.{decimals}f}"


def _grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    marks = ("---", *("---:" for _ in headings[1:]))
    lines = (headings, marks, *rows)
    return "\n".join("| " + " | ".join(cells).replace("\n", " ") + " |" for cells in lines)


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {"value": known(estimate.value), "low": known(estimate.low), "high": known(estimate.high)}


def known(value: float) -> float | None:
    """None for NaN, which JSON doesn't have."""
    return None if math.isnan(value) else round(value, 6)
