"""The tables of a bake-off, as text: shares, rewards, costs, bars, and when to pick which.

In: a ``Bakeoff``. Out: ``Grid``s, for the terminal and for Markdown; every figure in them was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table

from simulator import situations
from simulator.bakeoff import INFORMED
from simulator.bakeoff_found import Bakeoff
from simulator.bars import Finding
from simulator.comparison_report import number, percent
from simulator.costs import FEW, MANY, N_SLOTS, N_TRIES, PRESET
from simulator.situations import AS_GOOD

MATRIX, BARS = "when to pick which", "bars"
_IN_WORDS = (MATRIX, BARS)
"""Tables that hold more words than figures."""


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
    """Shares, rewards, costs, bars, the decision matrix; what is empty is left out."""
    made = (_shares(found), _rewards(found), _costs(found), _bars(found), _matrix(found))
    return [grid for grid in made if grid.rows]


def table(grid: Grid) -> Table:
    """For the terminal."""
    made = Table(title=grid.title, title_justify="left", caption=grid.note or None, caption_justify="left")
    for place, heading in enumerate(grid.headings):
        is_left = place == 0 or grid.title in _IN_WORDS
        made.add_column(heading, justify="left" if is_left else "right", overflow="fold")
    for row in grid.rows:
        made.add_row(*row)
    return made


def markdown(grid: Grid) -> str:
    """For a page."""
    marks = ("---", *("---" if grid.title in _IN_WORDS else "---:" for _ in grid.headings[1:]))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (grid.headings, marks, *grid.rows))


def bar_line(one: Finding) -> str:
    """A bar in a sentence."""
    what = "of the best reward" if one.bar.of_best else "reward"
    reached = percent(one.reached) if one.bar.of_best else number(one.reached)
    least = f"{one.bar.least:.0%}".replace("%", " %") if one.bar.of_best else f"{one.bar.least}"
    why = f" ({one.why})" if one.why else ""
    return f"{one.bar.set_name}, {what} at least {least}: {reached}, {one.outcome}{why}"


def _shares(found: Bakeoff) -> Grid:
    informed = [one.informed() for one in found.results]
    rows = [(_INFORMED, "–", *(percent(one.share) for one in informed))] if found.results else []
    rows += [
        (one.policy.name, percent(one.share), *(percent(score.share) for score in found.scores_of(one.policy.name)))
        for one in found.in_order
    ]
    note = "Best: of the contenders. Informed knows the truth and learns nothing; uniform and popularity come first."
    return Grid("per cent of the best reward", ("policy", "mean over sets", *_set_names(found)), rows, note)


def _rewards(found: Bakeoff) -> Grid:
    rows = [(_INFORMED, *(number(one.informed().reward) for one in found.results))] if found.results else []
    rows += [
        (one.policy.name, *(number(score.reward) for score in found.scores_of(one.policy.name)))
        for one in found.in_order
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
        for one in found.in_order
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
    note = (
        f"Processor time of one thread, world {PRESET}; the policy alone, no HTTP and no log. Each decision and lesson "
        f"is timed {N_TRIES} times and the fastest try counts, so other work on the machine hardly enters; then the "
        "median over them. Publish: the fastest."
    )
    return Grid("cost", headings, rows, note)


def _bars(found: Bakeoff) -> Grid:
    rows = [
        (
            one.bar.set_name,
            "per cent of the best" if one.bar.of_best else "reward",
            f"{one.bar.least:.0%}".replace("%", " %") if one.bar.of_best else f"{one.bar.least}",
            percent(one.reached) if one.bar.of_best else number(one.reached),
            one.outcome + (f": {one.why}" if one.why else ""),
        )
        for one in found.bars
    ]
    return Grid(BARS, ("set", "of the default", "at least", "reached", ""), rows, "Judged by the mean over seeds.")


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
        "Certain: those that learn and don't reach it are worse than the best beyond the interval."
    )
    headings = ("when", "measured on", "pick", "certain", "per cent of the best", "decision (µs)")
    return Grid(MATRIX, headings, rows, note.replace("%", " %"))


def _set_names(found: Bakeoff) -> tuple[str, ...]:
    return tuple(one.stage.name for one in found.results)


_INFORMED = f"{INFORMED} (knows the truth)"
