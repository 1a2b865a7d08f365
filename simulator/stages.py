"""Where contenders meet: sets of a bake-off, settled to the last option, and the work that measuring them takes.

In: names of presets, a folder of MovieLens, a table. Out: ``Stage``s, and their cells and yardsticks. Labelled tables
are learned at once and one pass long, as the literature does it; worlds and recorded users with a loop's ordinary
cadence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from envs.supervised import Supervised
from simulator.cells import Cell, Course, Job, PolicyChoice, Setting, Yardstick
from simulator.experiments import Experiment
from simulator.measuring import settled, world_of
from simulator.records import CellRecord, YardstickRecord

TABLES = ("digits", "breast-cancer")
WORLDS = ("news", "shop", "streaming", "interest-evolution")
MOST_ROUNDS = 2000
"""Rounds of a labelled table, or one pass where it is shorter."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One set, and who meets there.

    Attributes:
        name: Short; the heading of its column.
        n_seeds: Seeds 0, 1, … are used.
        is_whole: A table's rows all come, or as many as count at most.
    """

    name: str
    setting: Setting
    course: Course
    n_requests: int
    n_seeds: int
    policies: tuple[PolicyChoice, ...]
    is_whole: bool = True

    @property
    def cells(self) -> list[Cell]:
        """Seed by seed, so that early results already compare."""
        return [
            Cell(self.setting, policy, seed, self.n_requests, course=self.course)
            for seed, policy in product(range(self.n_seeds), self.policies)
        ]

    @property
    def yardsticks(self) -> list[Yardstick]:
        """One per seed."""
        return [Yardstick(self.setting, seed, self.n_requests) for seed in range(self.n_seeds)]

    def cells_of(self, done: Experiment) -> list[CellRecord]:
        """Finished cells, in this order."""
        found = (done.records.get(cell.key) for cell in self.cells)
        return [one for one in found if isinstance(one, CellRecord)]

    def yardsticks_of(self, done: Experiment) -> list[YardstickRecord]:
        """Finished yardsticks, in this order."""
        found = (done.records.get(one.key) for one in self.yardsticks)
        return [one for one in found if isinstance(one, YardstickRecord)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A set as it is asked for.

    Attributes:
        preset: Of ``envs.presets``.
        name: Short; the preset's where empty.
        n_candidates: None for the world's own.
    """

    preset: str
    name: str = ""
    n_candidates: int | None = None
    options: dict[str, Any] = field(default_factory=dict)


def wanted(sets: Sequence[str], *, movielens: Path | None, table: Path | None, label: str | None) -> list[Wanted]:
    """The sets of these names, or all that need no data, and what data was given for."""
    found = [Wanted(name) for name in dict.fromkeys(sets or (*TABLES, *WORLDS)) if name not in ("movielens", "table")]
    if movielens is not None or "movielens" in sets:
        found.append(Wanted("movielens", options={} if movielens is None else {"path": str(movielens)}))
    if table is not None or "table" in sets:
        given = {"path": None if table is None else str(table), "label": label}
        found.append(Wanted("table", "table" if table is None else table.stem, options=given))
    return found


def settle(one: Wanted, policies: tuple[PolicyChoice, ...], *, n_requests: int, n_seeds: int) -> Stage:
    """A stage with its sizes and length filled in.

    Raises:
        WorldError: there is no such preset or option, or its data can't be read.
    """
    setting = settled(one.preset, n_candidates=one.n_candidates, n_slots=None, options=one.options)
    world = world_of(setting)
    course: Course = "alone"
    rounds = whole = n_requests
    if isinstance(world, Supervised):
        course, whole = "at once", min(MOST_ROUNDS, world.n_rows)
        rounds = min(n_requests, whole)
    return Stage(one.name or one.preset, setting, course, rounds, n_seeds, policies, is_whole=rounds == whole)


def jobs_of(stages: Iterable[Stage]) -> list[Job]:
    """Everything once; the yardsticks of a set first, so that what is finished can be placed."""
    found: list[Job] = []
    for stage in stages:
        found += [*stage.yardsticks, *stage.cells]
    return list({job.key: job for job in found}.values())
