"""A memory with a limit in bytes that forgets what was not asked for lately.

In: keys and values with a size. Out: the value, while it is remembered. Two generations instead of a linked list: a hit
is one dictionary look-up, and when the young generation is full the old one is dropped whole.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """Remembers the most lately used entries, up to about twice ``n_bytes``.

    Args:
        n_bytes: Size of one generation, by the sizes that ``put`` is told.
    """

    def __init__(self, n_bytes: int) -> None:
        self._limit = n_bytes
        self._used = 0
        self.young: dict[K, V] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._sizes: dict[K, int] = {}

    def get(self, key: K) -> V | None:
        """The value, or None where it is not remembered."""
        value = self.young.get(key)
        if value is None and (aged := self._old.pop(key, None)) is not None:
            value = aged[0]
            self.put(key, value, aged[1])
        return value

    def put(self, key: K, value: V, n_bytes: int) -> None:
        """Remember a value; one larger than a generation is not kept."""
        if n_bytes > self._limit:
            return
        if self._used + n_bytes > self._limit:
            self._old = {key: (value, self._sizes[key]) for key, value in self.young.items()}
            self.young, self._sizes, self._used = {}, {}, 0
        self._used += n_bytes - self._sizes.get(key, 0)
        self.young[key], self._sizes[key] = value, n_bytes

    def __len__(self) -> int:
        return len(self.young) + len(self._old)
