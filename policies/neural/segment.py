"""Steps of many users in a world as arrays: what every agent here is trained on there. A log tells trajectories.

In: what a rollout holds. Out: one record of arrays, the first axes of which are (n_steps, n_users), and what each step
earned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from policies.neural.dense import Float32s
from policies.neural.returns import advantages

Places = NDArray[np.intp]
Flags = NDArray[np.bool_]

Values = Callable[[Float32s, Float32s], Float32s]
"""V of contexts (…, n_context) and histories (…, n_history); (…,)."""


class Earned(NamedTuple):
    """Both (n_steps, n_users), in scaled rewards.

    Attributes:
        gains: How much better each step went than its value promised.
        returns: λ-returns: what its value should have been.
    """

    gains: Float32s
    returns: Float32s


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

    def earned(self, values: Values, *, scale: float, lambda_: float, gamma: float, beyond_cut: bool = True) -> Earned:
        """What each step brought, by ``returns.advantages``.

        Args:
            values: As believed now.
            scale: Rewards are divided by this.
            lambda_: In [0, 1]: 0 trusts the values, 1 the rewards.
            gamma: Discount.
            beyond_cut: Whether value goes on where an episode was cut; else it is over there.
        """
        before, after = values(self.contexts, self.histories), values(self.cut_contexts, self.cut_histories)
        next_values = before[1:].copy()
        next_values[self.cut] = after
        gains = advantages(
            self.rewards / np.float32(scale),
            before[:-1],
            next_values,
            ended=self.ended if beyond_cut else self.ended | self.cut,
            cut=self.cut,
            lambda_=lambda_,
            gamma=gamma,
        )
        return Earned(gains, gains + before[:-1])

    @property
    def n_steps(self) -> int:
        """User-steps in all."""
        return int(self.rewards.size)


def flat(column: NDArray[Any]) -> NDArray[Any]:
    """(n_steps, n_users, …) → (n_steps * n_users, …)."""
    n_steps, n_users, *rest = column.shape
    return np.ascontiguousarray(column).reshape(n_steps * n_users, *rest)
