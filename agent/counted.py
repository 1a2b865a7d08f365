"""Counts as people say them: ``1 step``, ``1,200 steps``.

In: a number and the word for one. Out: both together. Statuses, their sentences and the commands speak so.
"""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """The number with its word; ``many`` where the plural isn't the word and an s."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
