"""Steps of many users as arrays: what every agent here is trained on, whether a world or a log told it.

In: what a rollout or a log holds. Out: one record of arrays, the first axes of which are (n_steps, n_users).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.neural.dense import Float32s

Places = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Segment:
    """So many steps of all users; the first axes are (n_steps, n_users).

    Attributes:
        contexts: (n_steps + 1, n_users, n_context): before each step, and after the last.
        histories: (n_steps + 1, n_users, n_history): the same.
        candidates: (n_steps, n_users, n_candidates, n_action), or None where they were not kept.
        slates: (n_steps, n_users, n_slots): indices into the candidates.
        shown: (n_steps, n_users, n_slots, n_action): the slates' vectors.
        clicks: (n_steps, n_users, n_slots).
        rewards: (n_steps, n_users): as the world gives them.
        ended: (n_steps, n_users): the user is gone; what follows is another one.
        cut: (n_steps, n_users): the same, but only because an episode may not be longer.
        cut_contexts: (n_cut, n_context): what was seen after each cut step, in the order of ``np.nonzero(cut)``.
        cut_histories: (n_cut, n_history): the same.
    """

    contexts: Float32s
    histories: Float32s
    candidates: Float32s | None
    slates: Places
    shown: Float32s
    clicks: Flags
    rewards: Float32s
    ended: Flags
    cut: Flags
    cut_contexts: Float32s
    cut_histories: Float32s

    def next_values(self, values: Float32s, cut_values: Float32s) -> Float32s:
        """What each step led to, (n_steps, n_users), for ``returns.advantages``.

        Args:
            values: (n_steps + 1, n_users): of ``contexts`` and ``histories``.
            cut_values: (n_cut,): of ``cut_contexts`` and ``cut_histories``.
        """
        found = values[1:].copy()
        found[self.cut] = cut_values
        return found

    @property
    def n_steps(self) -> int:
        """User-steps in all."""
        return int(self.rewards.size)
