"""What trained agents must reach: bars that a run of ``slateloop train`` judges, each a line that passed or failed.

In: rows, and what a decision costs. Out: a ``Finding`` for each bar that the run has rows for. A bar is judged only
where enough was measured for it: seeds, users, steps and requests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from simulator.bars import N_SEEDS, Outcome
from simulator.comparison import Estimate
from simulator.comparison_report import number, percent
from simulator.train import FRUGAL, FRUGAL_OPTIONS, Budget
from simulator.train_options import N_REQUESTS, N_USERS
from simulator.training_rows import Row, reference, way_between

MOST_MINUTES = 5.0
MOST_DECIDE_US, DECIDES = 150.0, (10, 3)
"""A decision may take so long, of so many candidates and slots."""

LEAST_WAY = 0.9
N_LOGGED, FROM_LOG = 200_000, 220.0


class Goal(NamedTuple):
    """A return to be reached."""

    preset: str
    sizes: tuple[int, int]
    who: str
    least: float


GOALS = (
    Goal("interest-evolution", (10, 2), "slateq", 292.0),
    Goal("interest-evolution", (10, 2), "gradient", 282.0),
    Goal("interest-evolution", (10, 2), "slateq (frugal)", 285.0),
    Goal("interest-evolution", (10, 3), "slateq", 275.0),
    Goal("interest-evolution", (10, 3), "gradient", 260.0),
)


class Finding(NamedTuple):
    """How one bar stands.

    Attributes:
        reached: What was measured.
        why: Why it is not judged; empty where it is.
    """

    world: str
    who: str
    asked: str
    reached: str
    outcome: Outcome
    why: str = ""


def findings(rows: Sequence[Row], decide_us: Mapping[tuple[str, str], float]) -> list[Finding]:
    """Every bar that these rows are asked for.

    Args:
        rows: Of the run.
        decide_us: World's title and who → microseconds of a decision.
    """
    plain = [row for row in rows if row.scene.is_plain]
    agents = [row for row in plain if row.sort == "agent"]
    full = [row for row in agents if not row.first.is_frugal]
    return [
        *(_return(goal, row) for goal in GOALS for row in agents if _is_meant(goal, row)),
        *(_clickbait(row, rows) for row in full if row.scene.preset == "long-term-satisfaction-0.3"),
        *(_beside_bandits(row, rows) for row in full if row.scene.preset == "streaming"),
        *(one for row in plain if row.sort == "log" for one in _log(row)),
        *(_cost(row) for row in full),
        *(_decision(row, decide_us) for row in full if row.scene.sizes == DECIDES),
    ]


def signed(found: Estimate) -> str:
    """With its sign and half its interval."""
    return f"{'+' if found.value > 0.0 else ''}{number(found)}"


def _is_meant(goal: Goal, row: Row) -> bool:
    return (goal.preset, goal.sizes, goal.who) == (row.scene.preset, row.scene.sizes, row.who)


def _return(goal: Goal, row: Row) -> Finding:
    asked = f"return of at least {goal.least:g}"
    if row.first.is_frugal:
        asked += f" after {FRUGAL.n_steps:,} steps"
    return _judged(row, asked, number(row.score), passed=row.score.value >= goal.least)


def _clickbait(row: Row, rows: Sequence[Row]) -> Finding:
    low, high = (reference(rows, row.scene, name) for name in ("random", "least_clickbait"))
    way = way_between(row.score, low, high)
    asked = f"at least {LEAST_WAY:.0%}".replace("%", " %") + " of the way from random to least_clickbait"
    return _judged(row, asked, percent(way), passed=way.value >= LEAST_WAY)


def _beside_bandits(row: Row, rows: Sequence[Row]) -> Finding:
    bandits = [one for one in rows if one.sort == "bandit" and one.scene == row.scene]
    best = max(bandits, key=lambda one: one.score.value, default=None)
    asked = "return above every bandit" + (f", the best of which is {best.who}: {number(best.score)}" if best else "")
    least = math.inf if best is None else best.score.value
    why = "no bandit was measured" if best is None else next((one for row in bandits if (one := _too_little(row))), "")
    close = best is not None and row.score.low <= best.score.high
    reached = number(row.score) + (", and the intervals overlap" if close else "")
    return _judged(row, asked, reached, passed=row.score.value > least, why=why)


def _log(row: Row) -> Iterator[Finding]:
    if not _is_meant(Goal("interest-evolution", (10, 2), "slateq (from a log)", FROM_LOG), row):
        return
    asked = f"return of at least {FROM_LOG:g} after {N_LOGGED:,} decisions of a uniform control"
    yield _judged(row, asked, number(row.score), passed=row.score.value >= FROM_LOG)
    if row.first.n_served:
        gain = row.gain
        asked = "a greater return after its own snapshots have served"
        reached = f"{number(row.served)}, {signed(gain)} by {row.first.n_served:,} decisions"
        yield _judged(row, asked, reached, passed=gain.value > 0.0)


def _cost(row: Row) -> Finding:
    reached = f"{row.most_minutes:.1f} minutes ({row.busy_min:.1f} of processor, mean)"
    return _judged(row, f"at most {MOST_MINUTES:g} minutes a seed", reached, passed=row.most_minutes <= MOST_MINUTES)


def _decision(row: Row, decide_us: Mapping[tuple[str, str], float]) -> Finding:
    took = decide_us.get((row.scene.title, row.who), math.nan)
    candidates, slots = DECIDES
    asked = f"at most {MOST_DECIDE_US:g} µs to choose {slots} of {candidates}"
    if math.isnan(took):
        return Finding(row.scene.title, row.who, asked, "–", "not judged", "not measured")
    return _finding(row, asked, f"{took:.0f} µs", passed=took <= MOST_DECIDE_US)


def _judged(row: Row, asked: str, reached: str, *, passed: bool, why: str = "") -> Finding:
    why = why or _too_little(row)
    if why:
        return Finding(row.scene.title, row.who, asked, reached, "not judged", why)
    return _finding(row, asked, reached, passed=passed)


def _finding(row: Row, asked: str, reached: str, *, passed: bool) -> Finding:
    return Finding(row.scene.title, row.who, asked, reached, "passed" if passed else "FAILED")


def _too_little(row: Row) -> str:
    """What is missing for a judgement; empty where nothing is."""
    piece = row.first
    if len(row.seeds) < N_SEEDS:
        return f"{len(row.seeds)} of {N_SEEDS} seeds"
    if piece.n_test_users < N_USERS:
        return f"only {piece.n_test_users:,} test users"
    if piece.sort == "bandit":
        return f"{piece.name} had only {piece.n_requests:,} requests" if piece.n_requests < N_REQUESTS else ""
    if dict(piece.options) != (dict(FRUGAL_OPTIONS) if piece.is_frugal else {}):
        return "options of its own"
    if piece.sort == "log":
        return f"{piece.n_logged:,} decisions of the control" if piece.n_logged != N_LOGGED else ""
    most = (FRUGAL if piece.is_frugal else Budget()).n_steps
    return f"at most {piece.budget.n_steps:,} steps instead of {most:,}" if piece.budget.n_steps != most else ""
