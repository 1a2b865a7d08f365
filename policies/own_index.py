"""Which actions have weights of their own, by id, in the order of their first lesson.

In: ids. Out: places in the tables of own weights. Once there is no more room the rest share the places by hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zlib import crc32


class OwnIndex:
    """Action id → place.

    Attributes:
        is_full: No new id gets a place of its own.
    """

    def __init__(self, ids: Iterable[str] = (), *, is_full: bool = False) -> None:
        self._places = {id: place for place, id in enumerate(ids)}
        self.is_full = is_full

    def __len__(self) -> int:
        return len(self._places)

    def ids(self) -> list[str]:
        """In the order of their places."""
        return list(self._places)

    def place(self, id: str) -> int:
        """Its place; ``len(self)`` for an id that has none yet."""
        found = self._places.get(id)
        if found is not None:
            return found
        return crc32(id.encode(errors="surrogatepass")) % len(self) if self.is_full else len(self)

    def places(self, ids: Sequence[str]) -> list[int]:
        """``place`` of each."""
        if self.is_full:
            return [self.place(id) for id in ids]
        known, new = self._places.get, len(self._places)
        return [known(id, new) for id in ids]

    def add(self, id: str) -> None:
        """Give an id the place that ``place`` named."""
        if not self.is_full:
            self._places.setdefault(id, len(self._places))

    def clear(self) -> None:
        """Nobody has a place."""
        self._places.clear()
