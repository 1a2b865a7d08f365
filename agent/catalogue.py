"""A loop's catalogue: items and their features, so that a request may name an action by its id alone.

In: item id → canonical JSON features. Out: the same, by id or page by page; a version that moves with each change, so
that replicas know when what they remember is old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import redis

from agent import keys


class Page(NamedTuple):
    """Some items, in no particular order.

    Attributes:
        cursor: Where to go on; 0 after the last page.
    """

    cursor: int
    items: dict[str, bytes]


class Catalogue:
    """The items of one loop."""

    def __init__(self, client: redis.Redis, loop: str) -> None:
        self._client = client
        self._loop = loop
        self._items = keys.items(loop)

    def put(self, items: Mapping[str, bytes]) -> int:
        """Store items, whole, over what they were.

        Args:
            items: Item id → JSON features.

        Returns:
            How many of them are new.
        """
        if not items:
            return 0
        with self._client.pipeline() as pipe:
            pipe.hset(self._items, items=[part for item in items.items() for part in item])
            return self._change(pipe)

    def delete(self, ids: Iterable[str]) -> int:
        """Remove items.

        Returns:
            How many of them there were.
        """
        wanted = list(ids)
        if not wanted:
            return 0
        with self._client.pipeline() as pipe:
            pipe.hdel(self._items, *wanted)
            return self._change(pipe)

    def fetch(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Features of those that exist."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        values: Any = self._client.hmget(self._items, wanted)
        return {item: value for item, value in zip(wanted, values, strict=True) if value is not None}

    def version(self) -> int:
        """Raised by each change; 0 before the first."""
        found: Any = self._client.get(keys.items_version(self._loop))
        return int(found or 0)

    def n_items(self) -> int:
        """How many items there are."""
        n_items: Any = self._client.hlen(self._items)
        return int(n_items)

    def page(self, cursor: int = 0, count: int = 500) -> Page:
        """Read some of the items; start with cursor 0 and go on with the one returned, until it is 0 again.

        Args:
            cursor: Of the page before.
            count: About how many to read. A small catalogue comes whole; one that changes while it is read may show an
                item twice, but never misses one that is there all the time.
        """
        found: Any = self._client.hscan(self._items, cursor=cursor, count=count)
        return Page(int(found[0]), {item.decode(): features for item, features in found[1].items()})

    def _change(self, pipe: redis.client.Pipeline) -> int:
        """Run one change together with all that tells of it."""
        pipe.incr(keys.items_version(self._loop))
        pipe.publish(keys.CHANGES, self._loop)
        n_items: Any = pipe.execute()[0]
        return int(n_items)
