"""A bake-off for people and programs: its verdict in a sentence, its page, and JSON.

In: a ``Bakeoff``. Out: text, and what JSON can hold; the tables are those of ``simulator/bakeoff_tables.py``.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from simulator import contenders
from simulator.bakeoff import TIED, Results, Score, Standing
from simulator.bakeoff_found import Bakeoff
from simulator.bakeoff_tables import bar_line, grids, markdown
from simulator.bars import Finding
from simulator.comparison import Estimate
from simulator.comparison_report import known, percent
from simulator.costs import Cost

MEANING = (
    "Reward counts from the first request on, so what learning cost is in it. ±: half a 95 % interval over seeds "
    "(Student's t; shares paired by seed). The best of a set is found with the same seeds, so its 100 % flatters it "
    "by a little, and all others look a little worse than they are."
)


def verdict(found: Bakeoff) -> str:
    """The default, or why there is none, in a sentence or two."""
    limit = f"decisions and lessons of at most {found.limit_us:,.0f} µs each"
    if found.default is None:
        return f"No default: no policy that learns was measured in every set, and has {limit}."
    one, cost = found.default, found.default.cost
    spent = "" if cost is None else f", {cost.decide_us:,.0f} µs a decision, {cost.lesson_us:,.0f} µs a lesson"
    rule = f"the best mean share of the best reward, among policies that learn, with {limit}"
    said = f"Default: {one.policy.name} ({percent(one.share)} of the best on average{spent}): {rule}."
    if len(found.winners) == 1:
        return said
    others = ", ".join(other.policy.name for other in found.winners[1:])
    return f"{said} Tied with {others} (within {100 * TIED:g} points, and seeds don't tell them apart): the cheapest."


def bars(found: Bakeoff) -> list[str]:
    """How the default stands against each bar, a line each."""
    return [f"Bar: {bar_line(one)}" for one in found.bars]


def left_out() -> list[str]:
    """Kinds that learn and don't enter unasked, with the reason."""
    return [f"{kind} is left out: {why}" for kind, why in contenders.LEFT_OUT.items()]


def to_markdown(found: Bakeoff) -> str:
    """A section of a page: command, settings, winner, tables, machine."""
    parts = [_heading(found), f"```\n{found.command}\n```", _settings(found), f"**{verdict(found)}**"]
    for grid in grids(found):
        parts += [f"### {grid.title[0].upper()}{grid.title[1:]}", markdown(grid), grid.note]
    parts += ["\n".join(f"- {line}" for line in (*left_out(), *found.notes)), MEANING]
    code = f"Measured by code {', '.join(found.codes)}, on: " if found.codes else "Measured on: "
    parts.append(code + ", ".join(f"{name} {value}" for name, value in found.machine.items()) + ".")
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(found: Bakeoff) -> str:
    """Short, and different for different sets."""
    names = [one.stage.name for one in found.results]
    return f"## Bake-off: {', '.join(names)}"


def to_json(found: Bakeoff) -> dict[str, Any]:
    """Everything; shares are fractions, null where nothing is known."""
    return {
        "default": None if found.default is None else dataclasses.asdict(found.default.policy),
        "tied": [one.policy.name for one in found.winners[1:]],
        "bars": [_bar(one) for one in found.bars],
        "sets": [_set(one) for one in found.results],
        "standings": [_standing(one) for one in found.standings],
        "limit_us": found.limit_us,
        "matrix": [
            {**dataclasses.asdict(one), "scores": [_score(score) for score in one.scores]} for one in found.verdicts
        ],
        "left_out": dict(contenders.LEFT_OUT),
        "machine": dict(found.machine),
    }


def _settings(found: Bakeoff) -> str:
    """A line for each set."""
    lines = []
    for one in found.results:
        stage, setting = one.stage, one.stage.setting
        how = "learned at once, no floor" if stage.course == "at once" else "learned and published as a loop does"
        seeds = f"seeds 0 to {stage.n_seeds - 1}" if stage.n_seeds > 1 else "seed 0"
        slots = "1 slot" if setting.n_slots == 1 else f"{setting.n_slots} slots"
        size = f"{setting.n_candidates} candidates, {slots}"
        lines.append(f"- {stage.name}: {size}, {stage.n_requests:,} requests, {seeds}; {how}")
    return "\n".join(lines)


def _set(one: Results) -> dict[str, Any]:
    return {
        "set": one.stage.name,
        **dataclasses.asdict(one.stage.setting),
        "course": one.stage.course,
        "n_requests": one.stage.n_requests,
        "n_seeds": one.stage.n_seeds,
        "per": one.per,
        "scores": [_score(score) for score in one.scores()],
        "informed": _score(one.informed()),
    }


def _standing(one: Standing) -> dict[str, Any]:
    return {
        "policy": one.policy.name,
        "mean_share": _estimate(one.share),
        "is_static": one.is_static,
        "within_limit": one.is_cheap,
        "cost": None if one.cost is None else _cost(one.cost),
    }


def _bar(one: Finding) -> dict[str, Any]:
    return {**one.bar._asdict(), "reached": _estimate(one.reached), "outcome": one.outcome, "why": one.why}


def _score(score: Score) -> dict[str, Any]:
    return {"policy": score.policy, "reward": _estimate(score.reward), "share": _estimate(score.share)}


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {"value": known(estimate.value), "low": known(estimate.low), "high": known(estimate.high)}


def _cost(cost: Cost) -> dict[str, float]:
    return {
        name: round(value, 3)
        for name, value in dataclasses.asdict(cost).items()
        if name != "policy" and not math.isnan(value)
    }
