"""The values of ``policies.base.DERIVED`` as they are decided by and logged: float32, whole, nothing unknown left open.

In: what running state says, or the columns that a log has. Out: one value for each name of ``DERIVED``.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from policies.base import DERIVED, N_LOOP_DERIVED

LARGEST = 3e38
"""Beyond this magnitude values are cut, so that float32 can hold them."""

N_FIRST = 2
"""Columns of the oldest logs: item_rate and item_count."""

_PACKERS = [Struct(f"<{n}f") for n in range(len(DERIVED) + 1)]


def rounded(*values: float) -> tuple[float, ...]:
    """The nearest numbers that float32 holds."""
    return unpacked(packed(values))


def packed(values: Sequence[float]) -> bytes:
    """Little-endian float32."""
    return _PACKERS[len(values)].pack(*[max(-LARGEST, min(LARGEST, value)) for value in values])


def unpacked(data: bytes) -> tuple[float, ...]:
    """What was packed."""
    return _PACKERS[len(data) // 4].unpack(data)


def completed(values: Sequence[float]) -> tuple[float, ...]:
    """The first columns of ``DERIVED`` with those that are missing, rounded.

    A log has two columns where an older release wrote it, and the loop's alone where nothing was known of the user.
    What is missing is written as unknown: no age, the item's own rate for that of its tags, 0 in each of the user's.
    """
    if not values:
        return ()
    known = tuple(values[: len(DERIVED)])
    if len(known) < N_LOOP_DERIVED:
        known += (0.0, known[0])[len(known) - N_LOOP_DERIVED :]
    return rounded(*known) + (0.0,) * (len(DERIVED) - len(known))
