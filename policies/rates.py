"""Running reward rate and count of each item: the derived features of every action.

In: the reward of each shown item, in log order. Out: for an item its shrunken rate and its count. The learner keeps one
and ships it in the snapshot; a replica reads it when it decides, and what it read is logged with the decision.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

import msgspec

from policies.base import PolicyError

PRIOR_WEIGHT = 10.0
"""The overall mean reward counts as much as this many showings of the item."""

_FORMAT = 1
_float32 = struct.Struct("<f")


class ItemRates:
    """Reward sums and counts by item, and over all.

    >>> rates = ItemRates()
    >>> rates.observe("a", 1.0); rates.observe("b", 0.0)
    >>> rates.derive("never shown")
    (0.5, 0.0)
    """

    def __init__(self, prior_weight: float = PRIOR_WEIGHT) -> None:
        if not 0.0 < prior_weight < math.inf:
            raise PolicyError(f"prior_weight={prior_weight} must be positive and finite")
        self._prior_weight = prior_weight
        self._items: dict[str, tuple[float, int]] = {}
        self._sum, self._n = 0.0, 0
        self._derived: dict[str, tuple[float, ...]] = {}

    def observe(self, action_id: str, reward: float) -> None:
        """Count one showing.

        Raises:
            PolicyError: if the reward is not finite.
        """
        if not math.isfinite(reward):
            raise PolicyError(f"reward={reward} of item {action_id!r} must be finite")
        total, n = self._items.get(action_id, (0.0, 0))
        self._items[action_id] = (total + reward, n + 1)
        self._sum += reward
        self._n += 1
        self._derived.clear()

    def derive(self, action_id: str) -> tuple[float, ...]:
        """``DERIVED`` of one item, rounded to float32: rate shrunken towards the overall mean, and count.

        Empty before the first showing of anything; the overall mean and 0 for an item never shown. Only known items are
        remembered, so that made-up ids in requests can't fill the memory.
        """
        if not self._n:
            return ()
        known = self._derived.get(action_id)
        if known is None:
            total, n = self._items.get(action_id, (0.0, 0))
            rate = (total + self._prior_weight * self._sum / self._n) / (n + self._prior_weight)
            known = (_rounded(rate), _rounded(float(n)))
            if n:
                self._derived[action_id] = known
        return known

    def __len__(self) -> int:
        return len(self._items)

    def to_bytes(self) -> bytes:
        """All of it, sorted: equal observations in equal order, equal bytes."""
        rows = [(action_id, *self._items[action_id]) for action_id in sorted(self._items)]
        return _encoder.encode((_FORMAT, self._prior_weight, self._sum, self._n, rows))

    @classmethod
    def from_bytes(cls, data: bytes) -> ItemRates:
        """What ``to_bytes`` gave; empty bytes are empty rates.

        Raises:
            PolicyError: if the bytes are something else.
        """
        if not data:
            return cls()
        try:
            version, weight, total, n, rows = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no item rates: {error}") from error
        if version != _FORMAT:
            raise PolicyError(f"item rates of format {version}; this release reads format {_FORMAT}")
        return cls(weight)._filled(total, n, rows)

    def _filled(self, total: float, n: int, rows: Iterable[tuple[str, float, int]]) -> ItemRates:
        self._sum, self._n = total, n
        self._items = {action_id: (item_total, item_n) for action_id, item_total, item_n in rows}
        return self


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, float, float, int, list[tuple[str, float, int]]])


def _rounded(value: float) -> float:
    result: float = _float32.unpack(_float32.pack(max(-3e38, min(3e38, value))))[0]
    return result
