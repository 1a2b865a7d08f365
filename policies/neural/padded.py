"""Logged steps as arrays of one size: what isn't there is zeros, and never allowed.

In: steps, whose slates and candidates may differ in number. Out: one row of each array for each: of what was shown, or
of all that was offered, which one step with many candidates makes large for every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.neural.dense import Float32s
from policies.neural.logged import LoggedStep

Flags = NDArray[np.bool_]


class Shown(NamedTuple):
    """What was shown.

    Attributes:
        items: (n, n_slots, n_action).
        filled: (n, n_slots): whether the slot exists.
        clicks: (n, n_slots).
    """

    items: Float32s
    filled: Flags
    clicks: Flags

    @classmethod
    def of(cls, steps: Sequence[LoggedStep]) -> Shown:
        """All of the steps, in order; at least one."""
        n, n_slots = len(steps), max(len(step.items) for step in steps)
        made = cls(
            items=np.zeros((n, n_slots, steps[0].candidates.shape[1]), dtype=np.float32),
            filled=np.zeros((n, n_slots), dtype=np.bool_),
            clicks=np.zeros((n, n_slots), dtype=np.bool_),
        )
        for row, step in enumerate(steps):
            k = len(step.items)
            made.items[row, :k], made.filled[row, :k], made.clicks[row, :k] = step.shown, True, step.clicks
        return made


class Padded(NamedTuple):
    """All that was offered.

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
