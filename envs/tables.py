"""Labelled tables: rows of named features, each with the class it belongs to.

In: a CSV file, or columns from elsewhere. Out: a frozen ``Table``, or one ``TableError`` that says what is wrong with
which file and column, and how to put it right. A column is numbers where every value in it is one; else it is words.
Empty and ``nan`` are missing, and a missing value is no feature of its row.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from envs.world import Floats, WorldError

MOST_CLASSES = 200
MOST_COLUMNS = 256
"""As many features as a request to a loop may hold, unless its limits are raised."""

N_WORDS = 32
"""In vectors, so many words of a column are told apart, the most frequent first."""

MISSING = frozenset({"", "nan"})


class TableError(WorldError):
    """A table can't be used; the message names file, column and cure."""


@dataclass(frozen=True)
class Table:
    """Labelled rows.

    Attributes:
        name: For people.
        rows: JSON features of each row; what is missing is left out.
        labels: Of each row.
    """

    name: str
    rows: Sequence[Mapping[str, Any]]
    labels: Sequence[str]

    def __post_init__(self) -> None:
        if not self.rows:
            raise TableError(f"{self.name}: holds no rows below its header; give a table with rows")
        n = len(self.classes)
        if n < 2:
            raise TableError(
                f"{self.name}: every row has the label {self.labels[0]!r}; give a label of 2 values or more"
            )
        if n > MOST_CLASSES:
            raise TableError(
                f"{self.name}: {n} different labels in {len(self.rows)} rows, more than {MOST_CLASSES}: "
                "choose a label of few values, or group its values"
            )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Different labels, sorted."""
        return tuple(sorted(set(self.labels)))

    @cached_property
    def truth(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """(n_rows,): index of each row's class."""
        index = {name: number for number, name in enumerate(self.classes)}
        return np.array([index[label] for label in self.labels], dtype=np.intp)

    @cached_property
    def vectors(self) -> Floats:
        """(n_rows, n_columns): numbers as they are, 0 where missing; a 0-or-1 column for each word told apart."""
        columns = [column for name in self._names for column in self._columns(name)]
        return np.array(columns, dtype=np.float64).T.reshape(len(self.rows), len(columns))

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def _columns(self, name: str) -> Iterator[list[float]]:
        values = [row.get(name) for row in self.rows]
        if all(value is None or isinstance(value, int | float) for value in values):
            yield [0.0 if value is None else float(value) for value in values]
            return
        held = [set(value) if isinstance(value, list) else {value} for value in values]
        counts = Counter(word for words in held for word in words if word is not None)
        for word in sorted(counts, key=lambda one: (-counts[one], str(one)))[:N_WORDS]:
            yield [float(word in words) for words in held]


def read_csv(path: Path, label: str) -> Table:
    """A table from a CSV file in UTF-8 whose first line names the columns.

    Args:
        path: Of the file.
        label: Name of the column that holds the classes.

    Raises:
        TableError: it can't be read, has no such column, a row is too short or too long, or a label is missing.
    """
    names, lines = _read(path)
    if label not in names:
        raise TableError(f"{path}: has no column {label!r} (label); its columns are {', '.join(names)}")
    at = names.index(label)
    labels = [values[at] for _, values in lines]
    for (number, _), found in zip(lines, labels, strict=True):
        if found.lower() in MISSING:
            raise TableError(f"{path}: line {number}: column {label!r} (label) is empty; remove the row or label it")
    kept = [place for place in range(len(names)) if place != at]
    if not kept or len(kept) > MOST_COLUMNS:
        raise TableError(f"{path}: {len(kept)} columns beside {label!r}; give 1 to {MOST_COLUMNS} of them")
    columns = {names[place]: _typed([values[place] for _, values in lines]) for place in kept}
    return Table(path.name, rows_of(columns, len(lines)), labels)


def rows_of(columns: Mapping[str, Sequence[Any]], n_rows: int) -> list[dict[str, Any]]:
    """Columns as rows; None is missing."""
    return [
        {name: values[number] for name, values in columns.items() if values[number] is not None}
        for number in range(n_rows)
    ]


def _typed(texts: Sequence[str]) -> list[float | str | None]:
    known = [None if text.lower() in MISSING else text for text in texts]
    numbers = [None if text is None else _number(text) for text in known]
    is_numbers = all(text is None or number is not None for text, number in zip(known, numbers, strict=True))
    return list(numbers) if is_numbers else list(known)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Column names, and each row with its line number; blank lines are passed over."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, [])]
            lines = [(reader.line_num, [value.strip() for value in row]) for row in reader if row]
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}; give the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path}: not a CSV file in UTF-8 ({error}); save it as one") from error
    twice = [name for name, n in Counter(names).items() if n > 1 or not name]
    if twice:
        raise TableError(f"{path}: line 1: column name {twice[0]!r} is empty or there twice; name each column once")
    for number, values in lines:
        if len(values) != len(names):
            raise TableError(f"{path}: line {number}: {len(values)} values for {len(names)} columns; complete the row")
    return names, lines
