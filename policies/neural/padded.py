"""Logged steps as arrays of one size: what isn't there is zeros, and never allowed.

In: steps, whose slates and candidates may differ in number. Out: one row of each array for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.neural.dense import Float32s
from policies.neural.logged import LoggedStep

Flags = NDArray[np.bool_]


class Padded(NamedTuple):
    """See the module.

    Attributes:
        candidates: (n, n_candidates, n_action).
        items: (n, n_slots): the candidate in each slot.
        filled: (n, n_slots): whether the slot exists.
        allowed: (n, n_slots, n_candidates): what might have gone there before earlier slots took it.
        logged: (n, n_slots): log-propensities.
        clicks: (n, n_slots).
    """

    candidates: Float32s
    items: NDArray[np.intp]
    filled: Flags
    allowed: Flags
    logged: Float32s
    clicks: Flags

    @classmethod
    def of(cls, steps: Sequence[LoggedStep]) -> Padded:
        """All of the steps, in order; at least one."""
        n, n_action = len(steps), steps[0].candidates.shape[1]
        n_candidates, n_slots = max(len(step.candidates) for step in steps), max(len(step.items) for step in steps)
        made = cls(
            candidates=np.zeros((n, n_candidates, n_action), dtype=np.float32),
            items=np.zeros((n, n_slots), dtype=np.intp),
            filled=np.zeros((n, n_slots), dtype=np.bool_),
            allowed=np.zeros((n, n_slots, n_candidates), dtype=np.bool_),
            logged=np.zeros((n, n_slots), dtype=np.float32),
            clicks=np.zeros((n, n_slots), dtype=np.bool_),
        )
        for row, step in enumerate(steps):
            c, k = len(step.candidates), len(step.items)
            made.candidates[row, :c], made.items[row, :k], made.filled[row, :k] = step.candidates, step.items, True
            made.allowed[row, :k, :c], made.logged[row, :k] = step.allowed, step.logged
            made.clicks[row, :k] = step.clicks
        return made

    @property
    def shown(self) -> Float32s:
        """(n, n_slots, n_action): zeros in slots that don't exist."""
        found = np.take_along_axis(self.candidates, self.items[:, :, None], axis=1)
        found[~self.filled] = 0.0
        return found
