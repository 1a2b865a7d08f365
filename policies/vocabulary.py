"""One side of a request, the context's or the actions', as a vector: a coordinate for each number and each word.

In: entries. Out: vectors of a bounded length. Coordinates are given in the order of first sight, by the learner alone;
when they run out, the rest share ``N_BUCKETS`` by hash. A replica reads, and leaves out what it doesn't know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from policies.entries import NULL, Entries, Word
from policies.overflow import Cells
from policies.scales import Array, Places, Scales, bounded

N_BUCKETS = 8

Key = str | Word | int
"""A number's name, a word, or a bucket."""

ABSENT = "\0absent"
"""As a word: a number that is usually there was not."""

_N_SHAPES = 1024


class _Shape(NamedTuple):
    """Where the numbers of rows that hold the same ones go."""

    kept: list[bool] | None
    places: Places
    shift: Array
    gain: Array
    flags: list[int]


class Vocabulary:
    """Coordinates of one side.

    Attributes:
        names: What each coordinate means.
        n_rows: Rows measured.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.names: list[Key] = []
        self.n_rows = 0
        self._places: dict[Key, int] = {}
        self._is_number: dict[str, bool] = {}
        self._odd: set[Key] = set()
        self._scales = Scales(limit + N_BUCKETS)
        self._flags: dict[str, int] = {}
        self._freeze()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def is_full(self) -> bool:
        """Whether what is new has to share."""
        return len(self.names) >= self.limit

    def knows(self, keys: Iterable[Key]) -> bool:
        """Whether each of these names and words has a coordinate of its own."""
        return all(key in self._places for key in keys)

    def meet(self, rows: Sequence[Entries], troubles: Counter[str]) -> None:
        """Learn the names and words of rows."""
        for row in rows:
            if not (self._places.keys() >= row.numbers.keys() and self._places.keys() >= set(row.words)):
                self._meet(row, troubles)
            if self._odd and not self._odd.isdisjoint((*row.numbers, *row.words)):
                troubles["type: a feature was a number and is a string, or the reverse"] += 1
            if not self._usual <= row.numbers.keys():
                self._flag_absent(row, troubles)

    def measure(self, rows: Sequence[Entries]) -> None:
        """Learn how large the numbers of rows are that it has met."""
        self.n_rows += len(rows)
        for alike in _alike(rows):
            shape = self._shape(alike[0])
            if len(shape.places):
                self._scales.observe(shape.places, np.array([_values(row, shape) for row in alike]))

    def refresh(self) -> None:
        """Bring the scaling up to date; vectors made before are of the past."""
        self._scales.refresh(self.n_rows)
        self._freeze()

    def vector(self, row: Entries) -> Array:
        """Shape (len(self),): numbers scaled, words 1."""
        result, shape, places = np.zeros(len(self.names)), self._shape(row), self._places
        if len(shape.places):
            result[shape.places] = bounded((_values(row, shape) - shape.shift) * shape.gain)
        for word in row.words:
            place = places.get(word)
            if place is not None:
                result[place] = 1.0
        for place in shape.flags:
            result[place] = 1.0
        if self.is_full:
            self._share(row, result)
        return result

    def strangers(self, row: Entries) -> Cells:
        """Hashes of the words that share a coordinate, as there was no room for one of their own."""
        if not self.is_full:
            return _NONE
        places = self._places
        return np.array([_hash(word) for word in row.words if word not in places], dtype=np.int64)

    def to_parts(self) -> list[Any]:
        """All of it, for an encoder."""
        kinds, flags = list(self._is_number.items()), list(self._flags.items())
        odd = [place for place, name in enumerate(self.names) if name in self._odd]
        return [self.limit, self.n_rows, self.names, kinds, odd, flags, self._scales.to_bytes()]

    @classmethod
    def from_parts(cls, parts: list[Any]) -> Vocabulary:
        """What ``to_parts`` gave. Raises ValueError or TypeError if it is something else."""
        limit, n_rows, names, kinds, odd, flags, scales = parts
        made = cls(limit)
        made.n_rows = n_rows
        made.names = [tuple(name) if isinstance(name, list) else name for name in names]
        made._places = {name: place for place, name in enumerate(made.names)}
        made._is_number, made._flags = dict(kinds), dict(flags)
        made._odd = {made.names[place] for place in odd}
        made._scales = Scales.from_bytes(scales, limit + N_BUCKETS)
        made._freeze()
        return made

    def _freeze(self) -> None:
        """Forget where rows go: coordinates or scaling have moved."""
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        usual = np.flatnonzero(self._scales.usual[: len(self.names)]).tolist()
        self._usual = {name for name in (self.names[place] for place in usual) if isinstance(name, str)}

    def _meet(self, row: Entries, troubles: Counter[str]) -> None:
        for key in _keys(row):
            if key in self._places:
                continue
            if self.is_full:
                troubles["dimension limit: a feature shares a coordinate with others"] += 1
                self._give(_bucket(key))
                continue
            self._give(key)
            troubles["new: a name or a word that was never seen before"] += 1
            is_number = isinstance(key, str)
            if (
                not (isinstance(key, tuple) and key[1] == NULL)
                and self._is_number.setdefault(_name(key), is_number) != is_number
            ):
                self._odd.add(key)

    def _give(self, key: Key) -> int:
        if key not in self._places:
            self._places[key] = len(self.names)
            self.names.append(key)
            self._freeze()
        return self._places[key]

    def _flag_absent(self, row: Entries, troubles: Counter[str]) -> None:
        """A number that is usually there and lacks now gets a coordinate that says so."""
        for name in sorted(self._usual - row.numbers.keys()):
            troubles["absent: a number that is usually there"] += 1
            if name not in self._flags and not self.is_full:
                self._flags[name] = self._give((name, ABSENT))

    def _shape(self, row: Entries) -> _Shape:
        key = tuple(row.numbers)
        found = self._shapes.get(key)
        if found is None:
            kept = [name in self._places for name in key]
            places = np.array([self._places[name] for name in key if name in self._places], dtype=np.intp)
            flags = [flag for name, flag in self._flags.items() if name not in row.numbers]
            shift, gain = self._scales.shift[places], self._scales.gain[places]
            found = _Shape(None if all(kept) else kept, places, shift, gain, flags)
            if len(self._shapes) >= _N_SHAPES:
                self._shapes.clear()
            self._shapes[key] = found
        return found

    def _share(self, row: Entries, result: Array) -> None:
        """What has no coordinate of its own adds to one by hash."""
        for key in _keys(row):
            if key not in self._places:
                place = self._places.get(_bucket(key))
                if place is not None:
                    value = row.numbers[key] if isinstance(key, str) else 1.0
                    result[place] += value / (1.0 + abs(value))


def _keys(row: Entries) -> list[Key]:
    return [*row.numbers, *row.words]


def _alike(rows: Sequence[Entries]) -> list[list[Entries]]:
    """Rows that hold the same numbers, together."""
    found: dict[tuple[str, ...], list[Entries]] = {}
    for row in rows:
        found.setdefault(tuple(row.numbers), []).append(row)
    return list(found.values())


def _values(row: Entries, shape: _Shape) -> Array:
    values = np.fromiter(row.numbers.values(), np.float64, len(row.numbers))
    return values if shape.kept is None else values[shape.kept]


def _name(key: Key) -> str:
    return key[0] if isinstance(key, tuple) else str(key)


def _bucket(key: Key) -> int:
    return _hash(key) % N_BUCKETS


def _hash(key: Key) -> int:
    text = key if isinstance(key, str) else "\0".join(key) if isinstance(key, tuple) else str(key)
    return crc32(text.encode(errors="surrogatepass"))


_NONE: Cells = np.zeros(0, dtype=np.int64)
