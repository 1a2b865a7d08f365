"""Running reward rates of items and of their tags: the derived features that are the same for every user.

In: the reward of each shown item, in log order. Out: the derived features of an item. The learner keeps one and ships
it in the snapshot; a replica reads it when it decides, and what it read is logged with the decision.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import msgspec

from policies.base import PolicyError
from policies.derived import completed
from policies.tags import Tags

PRIOR_WEIGHT = 10.0
"""What an item is expected to bring counts as much as this many showings of it; so with tags."""

N_ITEMS = 100_000
"""Items remembered; beyond it the one shown longest ago is forgotten, and is new when it is shown again."""

N_TAGS = 20_000
"""Tags remembered, likewise."""

MS_PER_HOUR = 3_600_000.0

_Item = tuple[float, int, int]
"""Sum of rewards, showings, stream milliseconds of the first."""

_Tag = tuple[float, int]


class ItemRates:
    """Reward sums and counts by item, by tag, and over all.

    An item's rate leans on the mean rate of its tags, that of a tag on the mean over all.

    >>> rates = ItemRates()
    >>> rates.observe("a", 1.0); rates.observe("b", 0.0)
    >>> rates.derive("never shown")[:2]
    (0.5, 0.0)
    """

    def __init__(self, prior_weight: float = PRIOR_WEIGHT, *, n_items: int = N_ITEMS, n_tags: int = N_TAGS) -> None:
        if not 0.0 < prior_weight < math.inf:
            raise PolicyError(f"prior_weight={prior_weight} must be positive and finite")
        self._prior_weight = prior_weight
        self._n_items, self._n_tags = n_items, n_tags
        self._items: OrderedDict[str, _Item] = OrderedDict()
        self._tags: OrderedDict[int, _Tag] = OrderedDict()
        self._sum, self._n, self._newest_ms = 0.0, 0, 0

    @property
    def mean(self) -> float | None:
        """Mean reward of all showings; None before the first."""
        return self._sum / self._n if self._n else None

    def observe(self, action_id: str, reward: float, tags: Tags = (), at_ms: int = 0) -> None:
        """Count one showing.

        Args:
            action_id: The item.
            reward: Of this showing.
            tags: The item's.
            at_ms: Stream time.

        Raises:
            PolicyError: if the reward is not finite.
        """
        if not math.isfinite(reward):
            raise PolicyError(f"reward={reward} of item {action_id!r} must be finite")
        total, n, first_ms = self._items.pop(action_id, (0.0, 0, at_ms))
        self._items[action_id] = total + reward, n + 1, first_ms
        for tag in tags:
            tag_total, tag_n = self._tags.pop(tag, (0.0, 0))
            self._tags[tag] = tag_total + reward, tag_n + 1
        self._forget()
        self._sum += reward
        self._n += 1
        self._newest_ms = max(self._newest_ms, at_ms)

    def derive(self, action_id: str, tags: Tags = ()) -> tuple[float, ...]:
        """``DERIVED`` of one item for a user of whom nothing is known, rounded to float32.

        Empty before the first showing of anything.
        """
        if not self._n:
            return ()
        mean, weight = self._sum / self._n, self._prior_weight
        tag_rate = self._tag_rate(tags, mean)
        total, n, first_ms = self._items.get(action_id, (0.0, 0, self._newest_ms))
        rate, age_h = (total + weight * tag_rate) / (n + weight), (self._newest_ms - first_ms) / MS_PER_HOUR
        return completed((rate, float(n), max(0.0, age_h), tag_rate))

    def __len__(self) -> int:
        return len(self._items)

    def to_bytes(self) -> bytes:
        """All of it, what was shown longest ago first: equal observations, equal bytes."""
        items = [_StoredItem(action_id, *item) for action_id, item in self._items.items()]
        tags = [(tag, *sums) for tag, sums in self._tags.items()]
        return _encoder.encode(_Stored(_FORMAT, self._prior_weight, self._sum, self._n, items, self._newest_ms, tags))

    @classmethod
    def from_bytes(cls, data: bytes) -> ItemRates:
        """What ``to_bytes`` gave, here or in the release before; empty bytes are empty rates.

        Raises:
            PolicyError: if the bytes are something else.
        """
        if not data:
            return cls()
        try:
            stored = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no item rates: {error}") from error
        if stored.format not in (1, _FORMAT):
            raise PolicyError(f"item rates of format {stored.format}; this release reads formats 1 and {_FORMAT}")
        return cls(stored.prior_weight)._filled(stored)

    def _filled(self, stored: _Stored) -> ItemRates:
        self._sum, self._n, self._newest_ms = stored.sum, stored.n, stored.newest_ms
        self._items = OrderedDict((item.id, (item.sum, item.n, item.first_ms)) for item in stored.items)
        self._tags = OrderedDict((tag, (total, n)) for tag, total, n in stored.tags)
        return self

    def _tag_rate(self, tags: Tags, mean: float) -> float:
        if not tags:
            return mean
        weight, sum_of_rates = self._prior_weight, 0.0
        for tag in tags:
            total, n = self._tags.get(tag, (0.0, 0))
            sum_of_rates += (total + weight * mean) / (n + weight)
        return sum_of_rates / len(tags)

    def _forget(self) -> None:
        while len(self._items) > self._n_items:
            self._items.popitem(last=False)
        while len(self._tags) > self._n_tags:
            self._tags.popitem(last=False)


class _StoredItem(msgspec.Struct, array_like=True, gc=False):
    id: str
    sum: float
    n: int
    first_ms: int = 0


class _Stored(msgspec.Struct, array_like=True):
    """What format 1 lacked has a default."""

    format: int
    prior_weight: float
    sum: float
    n: int
    items: list[_StoredItem]
    newest_ms: int = 0
    tags: list[tuple[int, float, int]] = []


_FORMAT = 2
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)
