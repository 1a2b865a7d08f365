"""Which arm of the policy experiment a request belongs to: a hash, so every replica deals alike and nothing is stored.

In: the loop's variants, their shares, a salt, and whom to keep together. Out: the arm's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from itertools import accumulate

_SCALE = 2.0**-64


class Dealer:
    """Deals requests to variants by the loop's settings.

    Args:
        shares: Arm → share; they sum to 1.
        salt: Change it to deal anew.
        sticky: True keeps a user (else a session) in one arm; False deals each event.
    """

    def __init__(self, shares: Mapping[str, float], *, salt: str, sticky: bool) -> None:
        arms = [(name, share) for name, share in shares.items() if share > 0.0]
        ends = accumulate(share for _, share in arms)
        self._arms = [(end, name) for end, (name, _) in zip(ends, arms, strict=True)]
        self._salt = blake2b(salt.encode(), digest_size=32).digest()
        self._sticky = sticky

    def deal(self, *, user: str | None, session: str | None, event_id: str) -> str:
        """The arm of this request."""
        draw = self._draw(self._unit(user, session, event_id))
        for end, name in self._arms:
            if draw < end:
                return name
        return self._arms[-1][1]

    def _unit(self, user: str | None, session: str | None, event_id: str) -> bytes:
        """Whom to keep together; the kinds can't be mistaken for one another."""
        if self._sticky and user is not None:
            return b"u" + user.encode()
        if self._sticky and session is not None:
            return b"s" + session.encode()
        return b"e" + event_id.encode()

    def _draw(self, unit: bytes) -> float:
        digest = blake2b(unit, digest_size=8, key=self._salt, person=b"variant").digest()
        return int.from_bytes(digest, "little") * _SCALE
