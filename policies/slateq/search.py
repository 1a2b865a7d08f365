"""The best slate of given values and choice weights: exactly, greedily, or by one ranking.

In: for each of many users the weight and the value of each candidate, and the value of no click, whose weight is 1.
Out: slates. The value of a slate is what its user is expected to bring: Σ w q / Σ w, no click among the options.

Source: Ie et al. 2019, "SlateQ", section 5.2: top-k, greedy and optimal slates of this very ratio. The optimal one is
found by W. Dinkelbach, On nonlinear fractional programming, Management Science 13(7), 1967, without a linear program.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Slates = NDArray[np.intp]

SEARCHES = ("exact", "greedy", "top-k")


def best(weights: Floats, values: Floats, nothing: Floats, slots: Floats) -> tuple[Slates, Floats]:
    """The slates of the greatest value, and these values, (n_users,).

    A slate is worth at least λ where Σ w (q − λ) ≥ 0, so for a given λ the best one holds the greatest w (q − λ), the
    greatest where users look most; λ is then what this slate is worth. From the worth of any slate on λ only rises, and
    faster than linearly, so no number of candidates makes this slow.

    Args:
        weights: (n_users, n_candidates), positive.
        values: (n_users, n_candidates).
        nothing: (n_users,).
        slots: (n_slots,): what each slot multiplies weights by, positive, in any order.
    """
    ranks = np.argsort(np.argsort(-slots, kind="stable"), kind="stable")
    found = ranked(weights, values, nothing, len(slots))[:, ranks]
    level = worth(weights, values, nothing, slates=found, slots=slots)
    while True:
        again = ranked(weights, values, level, len(slots))[:, ranks]
        higher = worth(weights, values, nothing, slates=again, slots=slots)
        rises = higher > level
        if not rises.any():
            return found, level
        found, level = np.where(rises[:, None], again, found), np.where(rises, higher, level)


def ranked(weights: Floats, values: Floats, level: Floats, n_slots: int) -> Slates:
    """The candidates that gain most over a level (n_users,), best first; (n_users, n_slots)."""
    losses = -(weights * (values - level[:, None]))
    return np.argsort(losses, axis=1, kind="stable")[:, :n_slots]


def worth(weights: Floats, values: Floats, nothing: Floats, *, slates: Slates, slots: Floats) -> Floats:
    """The value of slates, (n_users,)."""
    shown = np.take_along_axis(weights, slates, axis=1) * slots
    gained: Floats = nothing + (shown * np.take_along_axis(values, slates, axis=1)).sum(axis=1)
    return np.asarray(gained / (1.0 + shown.sum(axis=1)))
