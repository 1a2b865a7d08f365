"""The order in which a rank answer lists the actions.

In: the probabilities the choice was drawn by, and what was drawn. Out: every action with its probability. Excluded
actions keep their place in the request with probability 0; the others fill the places between, the chosen one first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec


class RankedAction(msgspec.Struct, frozen=True, gc=False):
    """An action and the probability with which it would have been chosen."""

    id: str
    probability: float


def ranked(ids: Sequence[str], likely: Sequence[float], chosen: int, excluded: Collection[int]) -> list[RankedAction]:
    """The ranking.

    Args:
        ids: The actions as offered.
        likely: Their probabilities, in the same order.
        chosen: Index of the action that was drawn.
        excluded: Indices of those that could not be.

    Returns:
        As many as were offered. Without exclusions ``ranking[0]`` is the chosen one. The others follow from the most
        likely to the least; where that one isn't the chosen one, it stands where the chosen one would have stood.
    """
    order = sorted((i for i in range(len(ids)) if i not in excluded), key=lambda i: (-likely[i], i))
    place = order.index(chosen)
    order[0], order[place] = order[place], order[0]
    free = iter(order)
    return [
        RankedAction(ids[i], 0.0) if i in excluded else RankedAction(ids[j := next(free)], likely[j])
        for i in range(len(ids))
    ]
