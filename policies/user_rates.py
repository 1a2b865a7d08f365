"""What one user's rewards have told so far: the derived features that differ from user to user.

In: for each showing to this user, the item's tags and how much more than the item's rate it brought. Out: the user's
columns of ``DERIVED``. A row is small and bounded; the learner keeps one for each user outside the snapshot, and a
replica reads it when it decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from struct import Struct

import msgspec

from policies.base import DERIVED, N_LOOP_DERIVED, PolicyError
from policies.tags import Tags

N_USER_TAGS = 64
"""Tags of one user that are told apart; a new one takes the place of the one met least often."""

USER_WEIGHT = 5.0
"""So many showings that brought just what was promised are imagined for each user."""

USER_TAG_WEIGHT = 10.0
"""The same for each of the user's tags."""


COLUMNS = Struct(f"<{len(DERIVED) - N_LOOP_DERIVED}f")
"""One item's values, as they are logged."""


class UserRates(msgspec.Struct, array_like=True):
    """One user's row.

    Attributes:
        position: Place in the log (stream milliseconds and sequence number) up to which the user's rewards are in.
        n: Showings.
        excess: Rewards less what the items' rates had promised, summed.
        tags: Tag → the same two, over the showings of items that have it.
    """

    format: int = 1
    position: tuple[int, int] = (0, 0)
    n: int = 0
    excess: float = 0.0
    tags: dict[int, tuple[int, float]] = {}

    def observe(self, tags: Tags, excess: float) -> None:
        """Count one showing.

        Raises:
            PolicyError: if ``excess`` is not finite.
        """
        if not math.isfinite(excess):
            raise PolicyError(f"excess={excess} must be finite")
        self.n += 1
        self.excess += excess
        for tag in tags:
            n, total = self.tags.get(tag, (0, 0.0))
            if not n and len(self.tags) >= N_USER_TAGS:
                del self.tags[min(self.tags, key=lambda other: (self.tags[other][0], other))]
            self.tags[tag] = n + 1, total + excess

    @property
    def rate(self) -> float:
        """What this user gives beyond the items' rates, per showing, shrunken towards 0."""
        return self.excess / (self.n + USER_WEIGHT)

    def derive(self, actions: Iterable[Tags]) -> list[tuple[float, ...]]:
        """The user's columns of ``DERIVED`` for each of these items, named by their tags, rounded to float32."""
        return list(COLUMNS.iter_unpack(self.columns(actions)))

    def columns(self, actions: Iterable[Tags]) -> bytes:
        """The same as they are logged: little-endian float32, one ``COLUMNS`` for each item."""
        rate, n_shown, met_by_tag = self.rate, float(self.n), self.tags.get
        flat: list[float] = []
        for tags in actions:
            leaning, n_rests_on = 0.0, 0
            for met in map(met_by_tag, tags):
                if met is not None:
                    n, total = met
                    leaning += (total - n * rate) / (n + USER_TAG_WEIGHT)
                    n_rests_on += n
            n_tags = len(tags) or 1
            flat += (rate, n_shown, leaning / n_tags, n_rests_on / n_tags)
        return _packer(len(flat)).pack(*flat)

    def to_bytes(self) -> bytes:
        """The row; equal showings in equal order, equal bytes."""
        return _encoder.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> UserRates:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            row = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no user's rates: {error}") from error
        if row.format != 1:
            raise PolicyError(f"a user's rates of format {row.format}; this release reads format 1")
        return row


@lru_cache(maxsize=512)
def _packer(n: int) -> Struct:
    return Struct(f"<{n}f")


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(UserRates)
