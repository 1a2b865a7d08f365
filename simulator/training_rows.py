"""What ``slateloop train`` found, row by row: who, in which world, with intervals over seeds.

In: pieces and their results. Out: ``Row``s, for tables and bars, and the same as JSON.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.comparison import UNKNOWN, Estimate, mean_over_seeds
from simulator.comparison_report import known
from simulator.training_pieces import Look, Piece, Result, Scene, Sort

Results = Mapping[str, Result]

_Z = 1.96
_ORDER = {"agent": 0, "log": 1, "bandit": 2, "reference": 3}


@dataclass(frozen=True, slots=True)
class Row:
    """One who, in one world.

    Attributes:
        pieces: Of all seeds that are finished.
        results: Of these.
        score: Return of an episode; of a log, at its end.
        way: From random to the best reference, 0 to 1; unknown where references are.
    """

    pieces: tuple[Piece, ...]
    results: tuple[Result, ...]
    score: Estimate
    way: Estimate = UNKNOWN

    @property
    def first(self) -> Piece:
        """All are alike but for their seeds."""
        return self.pieces[0]

    @property
    def scene(self) -> Scene:
        """The world."""
        return self.first.scene

    @property
    def sort(self) -> Sort:
        """Of the pieces."""
        return self.first.sort

    @property
    def who(self) -> str:
        """In tables."""
        return self.first.who

    @property
    def seeds(self) -> tuple[int, ...]:
        """That are finished; none of a reference."""
        return () if self.sort == "reference" else tuple(one.seed for one in self.pieces)

    @property
    def n_steps(self) -> float:
        """Mean of an agent's steps until the point that was kept; NaN of others."""
        return statistics.fmean(one.curve[one.kept].n_steps if one.curve else math.nan for one in self.results)

    @property
    def minutes(self) -> float:
        """A seed's wall-clock time."""
        return statistics.fmean(one.seconds for one in self.results) / 60

    @property
    def most_minutes(self) -> float:
        """The wall-clock time of the seed that took longest."""
        return max(one.seconds for one in self.results) / 60

    @property
    def busy_min(self) -> float:
        """A seed's processor time."""
        return statistics.fmean(one.busy_s for one in self.results) / 60

    @property
    def curve(self) -> tuple[float, ...]:
        """Looks, mean over seeds, as far as all of them went."""
        looks = zip(*(one.curve for one in self.results), strict=False)
        return tuple(statistics.fmean(one.mean for one in each) for each in looks)

    @property
    def served(self) -> Estimate:
        """Of a log: the return of an episode after the agent's own snapshots have served."""
        return UNKNOWN if self.first.n_served == 0 else _score([one.curve[-1] for one in self.results])

    @property
    def gain(self) -> Estimate:
        """Of a log: how much more that is than at its end, seed by seed."""
        if self.first.n_served == 0:
            return UNKNOWN
        return mean_over_seeds([one.curve[-1].mean - one.mean for one in self.results])


def rows_of(pieces: Iterable[Piece], results: Results) -> list[Row]:
    """One row per world and who, in the pieces' order: agents, logs, bandits, references."""
    groups: dict[tuple[str, str, str], list[Piece]] = {}
    for piece in pieces:
        if piece.key in results:
            groups.setdefault((piece.scene.title, piece.sort, piece.who), []).append(piece)
    rows = [_row(group, [results[one.key] for one in group]) for group in groups.values()]
    return sorted([_placed(row, rows) for row in rows], key=lambda row: _ORDER[row.sort])


def way_between(score: Estimate, low: float, high: float) -> Estimate:
    """How far from one figure to another, 0 to 1, with its interval; unknown where they don't rise."""
    if not high > low:
        return UNKNOWN
    value, least, most = ((end - low) / (high - low) for end in score[:3])
    return Estimate(value, least, most, score.n_seeds)


def reference(rows: Iterable[Row], scene: Scene, name: str) -> float:
    """What a reference reaches in a world; NaN where it wasn't measured."""
    found = (row for row in rows if row.sort == "reference" and row.scene == scene and row.first.name == name)
    return next((row.score.value for row in found), math.nan)


def to_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Everything of each row."""
    return [
        {
            "world": row.scene.title,
            "name": row.first.name,
            "sort": row.sort,
            "frugal": row.first.is_frugal,
            "return": _estimate(row.score),
            "way": _estimate(row.way),
            "seeds": list(row.seeds),
            "n_steps": known(row.n_steps),
            "minutes_a_seed": known(row.minutes),
            "processor_minutes_a_seed": known(row.busy_min),
            "curve": [known(value) for value in row.curve],
            **(_of_log(row) if row.sort == "log" else {}),
        }
        for row in rows
    ]


def _of_log(row: Row) -> dict[str, Any]:
    return {
        "n_logged": row.first.n_logged,
        "n_served": row.first.n_served,
        "return_after_serving": _estimate(row.served),
        "gain_by_serving": _estimate(row.gain),
    }


def _row(group: Sequence[Piece], results: Sequence[Result]) -> Row:
    return Row(tuple(group), tuple(results), _score(results))


def _score(results: Sequence[Result | Look]) -> Estimate:
    if len(results) > 1:
        return mean_over_seeds([one.mean for one in results])
    (only,) = results
    half = _Z * only.sd / math.sqrt(only.n)
    return Estimate(only.mean, only.mean - half, only.mean + half, 1)


def _placed(row: Row, rows: Sequence[Row]) -> Row:
    """The row with its way between the references of its world."""
    best = max((one.score.value for one in rows if one.sort == "reference" and one.scene == row.scene), default=0.0)
    return dataclasses.replace(row, way=way_between(row.score, reference(rows, row.scene, "random"), best))


def _estimate(found: Estimate) -> dict[str, float | None]:
    return {"value": known(found.value), "low": known(found.low), "high": known(found.high)}
