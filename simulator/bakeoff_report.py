"""A bake-off for people and programs: the same tables for the terminal and for a Markdown page, and JSON.

In: a ``Bakeoff``. Out: ``Grid``s of text, and what is made of them; every figure in them was measured.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.table import Table

from simulator import situations
from simulator.bakeoff import Results, Score, Standing
from simulator.comparison import Estimate
from simulator.comparison_report import known, number, percent
from simulator.costs import FEW, MANY, N_SLOTS, PRESET, Cost
from simulator.situations import AS_GOOD, Verdict

MEANING = (
    "Reward counts from the first request on, so what learning cost is in it. ±: half a 95 % interval over seeds "
    "(Student's t; shares paired by seed). The best of a set is found with the same seeds, so its 100 % flatters it "
    "by a little."
)


@dataclass(frozen=True, slots=True)
class Bakeoff:
    """All that was found.

    Attributes:
        standings: The best mean share first.
        default: The winner, None where nobody fits.
        limit_us: What its decision, and its lesson, may cost.
        machine: Facts.
        command: As it was typed.
    """

    results: Sequence[Results]
    standings: Sequence[Standing]
    verdicts: Sequence[Verdict]
    default: Standing | None
    limit_us: float
    machine: Mapping[str, str]
    command: str


class Grid(NamedTuple):
    """A table of text.

    Attributes:
        note: A line below.
    """

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


def grids(found: Bakeoff) -> list[Grid]:
    """Shares, rewards, costs, the decision matrix; what is empty is left out."""
    made = (_shares(found), _rewards(found), _costs(found), _matrix(found))
    return [grid for grid in made if grid.rows]


def verdict(found: Bakeoff) -> str:
    """The default, or why there is none, in a sentence."""
    limit = f"decisions and lessons of at most {found.limit_us:,.0f} µs each"
    if found.default is None:
        return f"No default: no policy that learns was measured in every set, and has {limit}."
    one, cost = found.default, found.default.cost
    spent = "" if cost is None else f", {cost.decide_us:,.0f} µs a decision, {cost.lesson_us:,.0f} µs a lesson"
    rule = f"the best mean share of the best reward, among policies that learn, with {limit}"
    return f"Default: {one.policy.name} ({percent(one.share)} of the best on average{spent}): {rule}."


def table(grid: Grid) -> Table:
    """For the terminal."""
    made = Table(title=grid.title, title_justify="left", caption=grid.note or None, caption_justify="left")
    for place, heading in enumerate(grid.headings):
        made.add_column(heading, justify="left" if place == 0 or grid.title == _MATRIX else "right", overflow="fold")
    for row in grid.rows:
        made.add_row(*row)
    return made


def to_markdown(found: Bakeoff) -> str:
    """A section of a page: command, machine, winner, tables."""
    parts = ["## Bake-off", f"```\n{found.command}\n```", _settings(found), f"**{verdict(found)}**"]
    for grid in grids(found):
        parts += [f"### {grid.title[0].upper()}{grid.title[1:]}", _markdown(grid), grid.note]
    parts += [MEANING, "Measured on: " + ", ".join(f"{name} {value}" for name, value in found.machine.items()) + "."]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_json(found: Bakeoff) -> dict[str, Any]:
    """Everything; shares are fractions, null where nothing is known."""
    return {
        "default": None if found.default is None else dataclasses.asdict(found.default.policy),
        "sets": [
            {
                "set": one.stage.name,
                **dataclasses.asdict(one.stage.setting),
                "course": one.stage.course,
                "n_requests": one.stage.n_requests,
                "n_seeds": one.stage.n_seeds,
                "per": one.per,
                "scores": [_score(score) for score in one.scores()],
            }
            for one in found.results
        ],
        "standings": [
            {
                "policy": one.policy.name,
                "mean_share": _estimate(one.share),
                "is_static": one.is_static,
                "within_limit": one.is_cheap,
                "cost": None if one.cost is None else _cost(one.cost),
            }
            for one in found.standings
        ],
        "limit_us": found.limit_us,
        "matrix": [
            {**dataclasses.asdict(one), "scores": [_score(score) for score in one.scores]} for one in found.verdicts
        ],
        "machine": dict(found.machine),
    }


_MATRIX = "when to pick which"


def _shares(found: Bakeoff) -> Grid:
    by_policy = _by_policy(found)
    rows = [
        (one.policy.name, percent(one.share), *(percent(score.share) for score in by_policy[one.policy.name]))
        for one in found.standings
    ]
    return Grid("per cent of the best reward", ("policy", "mean over sets", *_set_names(found)), rows)


def _rewards(found: Bakeoff) -> Grid:
    by_policy = _by_policy(found)
    rows = [
        (one.policy.name, *(number(score.reward) for score in by_policy[one.policy.name])) for one in found.standings
    ]
    units = "; ".join(f"{one.stage.name}: per {one.per}" for one in found.results)
    return Grid("reward while learning", ("policy", *_set_names(found)), rows, units)


def _costs(found: Bakeoff) -> Grid:
    rows = [
        (
            one.policy.name,
            *(f"{value:,.0f}" for value in (one.cost.decide_us, one.cost.decide_many_us, one.cost.lesson_us)),
            f"{one.cost.publish_ms:,.1f}",
            f"{one.cost.snapshot_kb:,.0f}",
            "yes" if one.is_cheap else "no",
        )
        for one in found.standings
        if one.cost is not None
    ]
    headings = (
        "policy",
        f"decision, {N_SLOTS} of {FEW} (µs)",
        f"decision, {N_SLOTS} of {MANY} (µs)",
        "lesson (µs)",
        "publish (ms)",
        "snapshot (KB)",
        "within limit",
    )
    note = f"Medians, processor time, one process and one thread, world {PRESET}; the policy alone, no HTTP and no log."
    return Grid("cost", headings, rows, note)


def _matrix(found: Bakeoff) -> Grid:
    rows = [
        (
            one.situation,
            f"{one.set_name}, {one.n_seeds} seeds",
            one.pick or "–",
            "yes" if one.is_certain else "no",
            "; ".join(f"{score.policy} {percent(score.share)}" for score in one.scores),
            "–" if one.decide_us is None else f"{one.decide_us:,.0f}",
        )
        for one in found.verdicts
    ]
    least = situations.cheapest(found.standings)
    if rows and least is not None and least.cost is not None:
        share = f"{least.policy.name} {percent(least.share)}"
        row = ("decisions must cost least", "all sets", least.policy.name, "yes", share, f"{least.cost.decide_us:,.0f}")
        rows.append(row)
    note = (
        f"Pick: the cheapest to decide with among those that learn and reach {AS_GOOD:.0%} of the best there. "
        "Certain: whoever else learns is worse than the best beyond the interval."
    )
    headings = ("when", "measured on", "pick", "certain", "per cent of the best", "decision (µs)")
    return Grid(_MATRIX, headings, rows, note.replace("%", " %"))


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


def _by_policy(found: Bakeoff) -> dict[str, list[Score]]:
    by_policy: dict[str, list[Score]] = {one.policy.name: [] for one in found.standings}
    for results in found.results:
        for score in results.scores():
            by_policy[score.policy].append(score)
    return by_policy


def _set_names(found: Bakeoff) -> Iterator[str]:
    return (one.stage.name for one in found.results)


def _markdown(grid: Grid) -> str:
    marks = ("---", *("---" if grid.title == _MATRIX else "---:" for _ in grid.headings[1:]))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (grid.headings, marks, *grid.rows))


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
