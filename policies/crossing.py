"""What context and action say together: products of two coordinates, and matches of names and words.

In: entries and vectors of both sides. Out: the columns of a row that neither side has alone. For the encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from policies.base import Action
from policies.entries import NULL, Entries, Word
from policies.scales import Array, Scales
from policies.vocabulary import ABSENT, Vocabulary

N_MATCHES = 16

Pair = tuple[int, int]

_NOBODY, _SEVERAL = -1, -2
_ROOM = 16


@lru_cache(maxsize=4096)
def _parted(path: str) -> tuple[str, str]:
    container, _, leaf = path.rpartition(".")
    return container, leaf


class Holders:
    """Which of the actions' coordinates more than one action holds; what one alone holds says no more than its id.

    Attributes:
        common: Whether several actions hold it, for each coordinate.
    """

    def __init__(self, *, ids_count: bool) -> None:
        """``ids_count`` False takes every coordinate for common: nothing else tells actions apart."""
        self._ids_count = ids_count
        self._first: list[int] = []
        self.common: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._rare: NDArray[np.intp] = np.zeros(0, dtype=np.intp)

    def observe(self, actions: Sequence[Action], rows: Array) -> None:
        """Learn who holds what, from chosen actions and their rows, shape (n_actions, n_coordinates)."""
        new = rows.shape[1] - len(self._first)
        if new:
            self._first += [_NOBODY if self._ids_count else _SEVERAL] * new
            self._freeze()
        held, has_changed = rows[:, self._rare] != 0.0, False
        for number in held.any(axis=1).nonzero()[0].tolist() if len(self._rare) else ():
            holder = crc32(actions[number].id.encode(errors="surrogatepass"))
            for place in self._rare[held[number]].tolist():
                if self._first[place] != holder:
                    self._first[place] = holder if self._first[place] == _NOBODY else _SEVERAL
                    has_changed = True
        if has_changed:
            self._freeze()

    def _freeze(self) -> None:
        self.common = np.array(self._first, dtype=np.int64) == _SEVERAL
        self._rare = np.flatnonzero(~self.common)

    def to_parts(self) -> list[Any]:
        """All of it."""
        return [self._ids_count, self._first]

    @classmethod
    def from_parts(cls, parts: list[Any]) -> Holders:
        """What ``to_parts`` gave."""
        made = cls(ids_count=parts[0])
        made._first = [int(holder) for holder in parts[1]]
        made._freeze()
        return made


class Pairs:
    """Products of a context's and an action's coordinate."""

    def __init__(self) -> None:
        self._at: dict[Pair, int] = {}
        self._has: NDArray[np.bool_] = np.zeros((0, 0), dtype=np.bool_)

    def __len__(self) -> int:
        return len(self._at)

    def covers(self, context: Array, rows: Array) -> bool:
        """Whether each pair has a coordinate of which both are not 0, in some row of actions."""
        n_left, n_right = len(context), rows.shape[1]
        if n_left > len(self._has) or n_right > self._has.shape[1]:
            self._has = np.zeros((n_left + _ROOM, n_right + _ROOM), dtype=np.bool_)
            self._has[tuple(np.array(list(self._at), dtype=np.intp).reshape(-1, 2).T)] = True
        there = np.multiply.outer(context != 0.0, (rows != 0.0).any(axis=0))
        return not (there > self._has[:n_left, :n_right]).any()

    def unseen(self, context: Array, action: Array) -> list[Pair]:
        """Pairs without a coordinate of which both are not 0 now, in order."""
        left, right = np.flatnonzero(context).tolist(), np.flatnonzero(action).tolist()
        known = self._at
        return [(i, j) for i in left for j in right if (i, j) not in known]

    def add(self, pair: Pair, place: int) -> None:
        """Give a pair its shared coordinate."""
        self._at[pair] = place
        if pair[0] < len(self._has) and pair[1] < self._has.shape[1]:
            self._has[pair] = True

    def table(self) -> NDArray[np.intp]:
        """The context's coordinates, the actions', and where their products stand, shape (3, n_pairs)."""
        return np.array([(i, j, at) for (i, j), at in self._at.items()], dtype=np.intp).reshape(-1, 3).T

    def to_parts(self) -> list[Any]:
        """All of it."""
        return [(i, j, at) for (i, j), at in self._at.items()]

    @classmethod
    def from_parts(cls, parts: list[Any]) -> Pairs:
        """What ``to_parts`` gave."""
        made = cls()
        made._at = {(i, j): at for i, j, at in parts}
        return made


class Matches:
    """For each pair of a context's and an action's name that ever matched: how much of the action's words matched.

    Attributes:
        at: Shared coordinate of each match.
    """

    def __init__(self) -> None:
        self.at: list[int] = []
        self._names: dict[Word, int] = {}
        self._scales = Scales(N_MATCHES)
        self._n_rows = 0
        self._words: dict[str, list[tuple[str, int]]] = {}
        self._n_attached = 0
        self.freeze()

    def __len__(self) -> int:
        return len(self.at)

    @property
    def n_without_place(self) -> int:
        """Matches that were seen and have no shared coordinate yet."""
        return len(self._names) - len(self.at)

    def attach(self, actions: Vocabulary) -> None:
        """Take in the words that the actions have coordinates for."""
        for place in range(self._n_attached, len(actions)):
            name = actions.names[place]
            if isinstance(name, tuple) and name[1] not in (NULL, ABSENT):
                self._words.setdefault(name[1], []).append((name[0], place))
        self._n_attached = len(actions)

    def observe(self, moments: Sequence[Entries], rows: Array) -> None:
        """Learn which names match, and how strongly, from chosen actions' rows and the moments of their slots."""
        claims = self._claims(moments[0])
        values = np.zeros((len(rows), N_MATCHES))
        for i, row in enumerate(rows):
            if i and moments[i] is not moments[i - 1]:
                claims = self._claims(moments[i])
            for container, name, place, strength in claims:
                if row[place]:
                    match = self._names.setdefault((container, name), len(self._names))
                    if match < N_MATCHES:
                        values[i, match] += strength
                    else:
                        del self._names[container, name]
        self._n_rows += len(rows)
        if self._names:
            self._scales.observe(slice(None), values)

    def refresh(self) -> None:
        """Bring the scaling up to date."""
        self._scales.refresh(self._n_rows)

    def freeze(self) -> None:
        """Make ready for ``fill``."""
        self._at = np.array(self.at, dtype=np.intp)

    def fill(self, z: Array, context: Entries, rows: Array) -> None:
        """Write the matches' columns of z."""
        weights = np.zeros((rows.shape[1], len(self._at)))
        for container, name, place, strength in self._claims(context):
            match = self._names.get((container, name), N_MATCHES)
            if match < len(self._at):
                weights[place, match] += strength
        z[:, self._at] = self._scales.scaled(rows @ weights)

    def to_parts(self) -> list[Any]:
        """All of it."""
        return [self.at, list(self._names), self._n_rows, self._scales.to_bytes()]

    @classmethod
    def from_parts(cls, parts: list[Any]) -> Matches:
        """What ``to_parts`` gave; ``attach`` it to the actions' vocabulary before use."""
        made = cls()
        made.at, names, made._n_rows, scales = parts
        made._names = {(container, name): place for place, (container, name) in enumerate(names)}
        made._scales = Scales.from_bytes(scales, N_MATCHES)
        return made

    def _claims(self, context: Entries) -> list[tuple[str, str, int, float]]:
        """What a context says of words that actions hold: (its name, the actions' name, their coordinate, strength)."""
        known, found = self._words, []
        for container, word in context.words:
            if word in known:
                found += [(container, name, place, 1.0) for name, place in known[word]]
        if known:
            for path, value in context.numbers.items():
                container, leaf = _parted(path)
                if leaf in known:
                    found += [(container, name, place, float(value)) for name, place in known[leaf]]
        return found
