"""A comparison for people and programs: tables for the terminal, JSON, and a Markdown page with all it was made from.

In: rows of ``comparison``. Out: renderables and text; every figure in them was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from simulator.comparison import SPANS, Estimate, Row, Span

HEADINGS = ("policy", "% of gap", "% of gap, last quarter", "lead over popularity", "lead, last quarter")
EXPLANATION = (
    "% of gap: reward between random (0 %) and the informed reference (100 %). "
    "Both per slate or per episode, as the KPI is counted. "
    "Lead: KPI over the popularity arm that learns from the same log. "
    "±: half a 95 % interval over seeds (Student's t, paired by seed)."
)

References = Mapping[str, Mapping[str, float]]
"""World's title → chooser → KPI it reaches."""


def tables(rows: Sequence[Row], references: References) -> list[Table]:
    """One table per world, policies in their order, references below."""
    return [_table(world, group, references.get(world, {})) for world, group in _worlds(rows).items()]


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


def to_markdown(rows: Sequence[Row], references: References, *, command: str) -> str:
    """A page: the command, the settings, a table per world."""
    parts = [f"```\n{command}\n```"]
    for world, group in _worlds(rows).items():
        first = group[0]
        seeds = f"seeds 0 to {first.kpi.n_seeds - 1}" if first.kpi.n_seeds > 1 else "seed 0"
        parts += [
            f"## {world}",
            f"{first.n_requests:,} requests, {seeds}. KPI: {first.kpi_name} per {first.per}.",
            _grid(("policy", first.kpi_name, *HEADINGS[1:]), [_cells(*spans) for spans in _policies(group)]),
            _reference_line(references.get(world, {}), first),
        ]
    parts.append(EXPLANATION)
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(world: str, rows: Sequence[Row], references: Mapping[str, float]) -> Table:
    first = rows[0]
    table = Table(
        title=f"{world}: {first.n_requests:,} requests, {_seeds(first.kpi.n_seeds)}",
        title_justify="left",
        caption=_reference_line(references, first) or None,
        caption_justify="left",
    )
    for number, heading in enumerate(("policy", _kpi_heading(first), *HEADINGS[1:])):
        table.add_column(heading, justify="left" if number == 0 else "right")
    for whole, last in _policies(rows):
        table.add_row(*_cells(whole, last), style="" if math.isnan(whole.lead.value) else "bold")
    return table


def _kpi_heading(row: Row) -> str:
    return row.kpi_name if row.per == "slate" else f"{row.kpi_name} per episode"


def _cells(whole: Row, last: Row) -> tuple[str, ...]:
    return (
        whole.policy,
        number(whole.kpi),
        percent(whole.gap),
        percent(last.gap),
        percent(whole.lead, signed=True),
        percent(last.lead, signed=True),
    )


def _reference_line(references: Mapping[str, float], row: Row) -> str:
    if not references:
        return ""
    reached = ", ".join(f"{name} {_figures(value)}" for name, value in references.items())
    return f"{row.kpi_name} that choosers without learning reach: {reached}"


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


def _figures(value: float, like: float | None = None) -> str:
    """Four figures, or as many decimals as another value has."""
    size = abs(value if like is None else like)
    if math.isnan(value):
        return "–"
    decimals = 4 if size < 1 else 3 if size < 10 else 2 if size < 100 else 1
    return f"{value:,.{decimals}f}"


def _seeds(n: int) -> str:
    return "1 seed, so no intervals" if n == 1 else f"{n} seeds"


def _grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    marks = ("---", *("---:" for _ in headings[1:]))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headings, marks, *rows))


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {"value": known(estimate.value), "low": known(estimate.low), "high": known(estimate.high)}


def known(value: float) -> float | None:
    """None for NaN, which JSON doesn't have."""
    return None if math.isnan(value) else round(value, 6)
