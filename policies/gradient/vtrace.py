"""What a trajectory that others' policies served is worth under the one that learns.

In: rewards, values and importance of one trajectory's steps. Out: advantages, and what the critic should have said.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


class Corrected(NamedTuple):
    """Both shape (n_steps,)."""

    advantages: NDArray[np.float32]
    targets: NDArray[np.float32]


def corrected(rewards: Floats, values: Floats, importance: Floats, *, lambda_: float, gamma: float = 1.0) -> Corrected:
    """V-trace with λ; where importance is 1 throughout, λ-returns.

    With δ_t = r_t + γ V_{t+1} − V_t and ρ_t the importance: the critic's target is V_t + u_t, where
    u_t = ρ_t δ_t + min(1, ρ_t) γ λ u_{t+1}, and the advantage of step t is δ_t + γ λ u_{t+1}: a step's own importance
    is left to the objective.

    Args:
        rewards: (n_steps,).
        values: (n_steps + 1,): of each step, and of what came after the last; 0 there if nothing did.
        importance: (n_steps,): how much likelier each step is under the policy that learns than under the one that
            served; at least 0, and not beyond the bound that is wanted. What it is bounded by decides whose values
            are learned; that it also cuts traces at 1 doesn't. Where it is that of the clicked items alone, they are
            nobody's; see ``blocks.py``.
        lambda_: In [0, 1]: 0 trusts the values, 1 the rewards.
        gamma: Discount.

    Source: Espeholt et al. 2018, "IMPALA: Scalable Distributed Deep-RL with Importance Weighted Actor-Learner
    Architectures", arXiv:1802.01561, equation 1 and remark 2.
    """
    errors = rewards + gamma * values[1:] - values[:-1]
    gains, targets = np.empty(len(rewards), dtype=np.float32), np.array(values[:-1], dtype=np.float32)
    ahead = 0.0
    for step in range(len(rewards) - 1, -1, -1):
        error, weight, beyond = float(errors[step]), float(importance[step]), gamma * lambda_ * ahead
        gains[step] = error + beyond
        ahead = weight * error + min(1.0, weight) * beyond
        targets[step] += ahead
    return Corrected(gains, targets)
