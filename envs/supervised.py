"""A labelled table as a world: each row is a request, its classes are the actions, the right one earns 1.

In: one class for each row. Out: feedback ``right`` with value 1 where the class is the row's; nothing is said of the
others, so what is learned is learned as a bandit learns. KPI: accuracy, right answers per row. An episode is one row,
and every row is a user of its own.

Rows come in a shuffled order, each once; when all have come, a new pass begins in a new order. The context is the row
as it stands in the table: numbers as numbers, unscaled, words as words, and what is missing is left out. Actions are
named by their class and have no other features. The options ``data`` (a table of ``packaged_tables.py``), or ``path``
and ``label`` (a CSV file, and the column that holds the classes), say which table.

The right class is certain, so the true click probabilities are 1 and 0, and ``informed`` is ``myopic``: the truth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from envs import packaged_tables
from envs.tables import Table, TableError, read_csv
from envs.world import Flags, Floats, Indices, Kpi, Observed, Offer, Reaction, Shape, Streams, World

RIGHT = "right"


@dataclass(frozen=True, slots=True)
class SupervisedSettings:
    """Which table.

    Attributes:
        data: Name of a packaged table.
        path: Or a CSV file.
        label: The column of it that holds the classes.
    """

    data: str | None = None
    path: str | Path | None = None
    label: str | None = None


class Supervised(World):
    """Rows of a table, one to a place.

    Attributes:
        table: What is asked from.
    """

    name: ClassVar[str] = "supervised"
    recipe: ClassVar[Mapping[str, float]] = {RIGHT: 1.0}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    kpi: ClassVar[Kpi] = Kpi("accuracy", RIGHT, "slate")

    def __init__(
        self,
        n_users: int = 1,
        n_candidates: int | None = None,
        n_slots: int = 1,
        settings: SupervisedSettings = SupervisedSettings(),
    ) -> None:
        """The table is read and checked here.

        Raises:
            TableError: if there is no such table or column, it can't be read, or a size isn't the table's.
            WorldError: if a size can't be.
        """
        self.table = _table(settings)
        classes = self.table.classes
        if n_candidates not in (None, len(classes)):
            raise TableError(
                f"num_candidates={n_candidates}: {self.table.name} has {len(classes)} classes; leave it out"
            )
        super().__init__(n_users, len(classes), n_slots)
        if n_slots != 1:
            raise TableError(f"slate_size={n_slots}: a row has one right class, so one slot; leave it out")
        self._row = np.zeros(n_users, dtype=np.intp)
        self._names = [""] * n_users

    @property
    def n_rows(self) -> int:
        """Rows in a pass."""
        return len(self.table.rows)

    @property
    def row(self) -> Floats:
        """The row in the first place as a vector, (n_columns,); it doesn't hold the label."""
        row: Floats = self.table.vectors[self._row[0]].copy()
        return row

    @property
    def shape(self) -> Shape:
        """Of rows the table's ``vectors``; of classes which one it is."""
        vectors, n = self.table.vectors, self.n_candidates
        return Shape((vectors.min(axis=0), vectors.max(axis=0)), (np.zeros(n), np.ones(n)))

    def seed(self, streams: Streams) -> None:
        """The first pass begins."""
        self._streams = streams
        self._waiting: deque[int] = deque()
        self._n_begun = 0

    def begin(self, places: Flags) -> None:
        """The next rows."""
        for place in np.flatnonzero(places).tolist():
            if not self._waiting:
                self._waiting.extend(self._streams.documents.permutation(self.n_rows).tolist())
            self._row[place] = self._waiting.popleft()
            self._n_begun += 1
            self._names[place] = f"row-{self._n_begun}"

    def offer(self) -> None:
        """All classes, always."""

    def observe(self) -> tuple[Observed, Observed]:
        """The rows as vectors; the classes."""
        classes = np.eye(self.n_candidates, dtype=np.float32)
        return self.table.vectors[self._row].astype(np.float32), np.repeat(classes[np.newaxis], self.n_users, axis=0)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """Right or not."""
        right: Flags = slates == self.myopic()
        chances = right.astype(np.float64)
        return Reaction(right, chances[:, 0].copy(), active.copy(), chances, 1.0 - chances[:, 0], {})

    def describe(self, place: int) -> Offer:
        """One row and the classes."""
        name = self._names[place]
        return Offer(name, name, dict(self.table.rows[self._row[place]]), {one: {} for one in self.table.classes})

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """One piece where the class was right."""
        return [(0, 0, RIGHT, 1.0)] if reaction.clicks[place, 0] else []

    def myopic(self) -> Indices:
        """The right class."""
        return self.table.truth[self._row][:, np.newaxis]

    def informed(self) -> Indices:
        """As ``myopic``: an answer doesn't change what is asked next."""
        return self.myopic()


def _table(settings: SupervisedSettings) -> Table:
    given = [name for name in ("path", "label") if getattr(settings, name) is not None]
    if settings.data is not None and not isinstance(settings.data, str):
        raise TableError(f"data={settings.data!r} must be the name of a table")
    if settings.data is not None and not given:
        return packaged_tables.table(settings.data)
    if settings.data is not None:
        raise TableError(f"data={settings.data!r} and {given[0]}: give one table; leave one of them out")
    for name in ("path", "label"):
        if name not in given:
            raise TableError(f"{name}=None: give path (a CSV file) and label (its column of classes)")
    if not isinstance(settings.path, str | Path):
        raise TableError(f"path={settings.path!r} must be the name of a CSV file")
    return read_csv(Path(settings.path), str(settings.label))
