"""What an agent remembers of a session so far: what was clicked, and how often nothing was.

In: the vectors of clicked items, step by step. Out: a vector of fixed length for each step, made of the steps before
it: the sum of the clicked items' vectors, the number of clicks, the number of steps without one; each made small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policies.neural.dense import Float32s

CLICKED_SCALE, COUNT_SCALE = np.float32(0.2), np.float32(0.02)


def n_features(n_action: int) -> int:
    """Length of a history where an action's vector has ``n_action`` coordinates, the first of which is 1."""
    return n_action + 1


class Histories:
    """Running histories of many sessions at once.

    Attributes:
        features: (n_users, n_features): of all steps so far; changes in place.
    """

    def __init__(self, n_users: int, n_action: int) -> None:
        """Sessions in which nothing has happened."""
        self.features: Float32s = np.zeros((n_users, n_features(n_action)), dtype=np.float32)

    def begin(self, places: NDArray[np.bool_]) -> None:
        """New sessions in these places, (n_users,)."""
        self.features[places] = 0.0

    def add(self, shown: Float32s, clicks: NDArray[np.bool_]) -> None:
        """Count a step of every session; shown (n_users, n_slots, n_action), clicks (n_users, n_slots)."""
        self.features += increments(shown, clicks)


def increments(shown: Float32s, clicks: NDArray[np.bool_]) -> Float32s:
    """What one step adds, shape (…, n_features).

    Args:
        shown: (…, n_slots, n_action): vectors of the slate's items.
        clicks: (…, n_slots).
    """
    clicked = np.einsum("...ki,...k->...i", shown, clicks.astype(np.float32))
    found = np.empty((*clicked.shape[:-1], n_features(clicked.shape[-1])), dtype=np.float32)
    found[..., :-2] = clicked[..., 1:] * CLICKED_SCALE
    found[..., -2] = clicked[..., 0] * COUNT_SCALE
    found[..., -1] = ~np.logical_or.reduce(clicks, axis=-1) * COUNT_SCALE
    return found


def of_session(shown: Float32s, clicks: NDArray[np.bool_]) -> Float32s:
    """The history before each step of one session, and after the last; shape (n_steps + 1, n_features).

    Args:
        shown: (n_steps, n_slots, n_action).
        clicks: (n_steps, n_slots).
    """
    added = increments(shown, clicks)
    return np.concatenate([np.zeros_like(added[:1]), np.cumsum(added, axis=0, dtype=np.float32)])
