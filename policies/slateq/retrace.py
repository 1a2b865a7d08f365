"""What items turned out to be worth under the best slates, told by trajectories that others' slates made.

In: one trajectory's rewards, what was believed of it, and how likely its clicks were. Out: better values to believe.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policies.neural.dense import Float32s

Float64s = NDArray[np.float64]


def retraced(
    rewards: Float32s, believed: Float32s, ahead: Float32s, traces: Float32s, *, lambda_: float, gamma: float
) -> Float32s:
    """Retrace(λ): what the clicks should have been believed to be worth, (n_steps,).

    With δ_t = r_t + γ V_{t+1} − Q_t it is Q_t + u_t, where u_t = δ_t + γ λ c_{t+1} u_{t+1}. Nothing is assumed of who
    served: V is an expectation under the best slate, and what the trajectory says beyond it counts as far as the best
    slates would have led the same way.

    Args:
        rewards: (n_steps,).
        believed: (n_steps,): Q of what was clicked, or of no click.
        ahead: (n_steps,): V of what came after, under the best slate; 0 where nothing did.
        traces: (n_steps,): c of each step, how much likelier its click is under the best slate than it was, at most 1.
        lambda_: In [0, 1]: 0 trusts what is believed, 1 the rewards.
        gamma: Discount.

    Source: Munos et al. 2016, "Safe and Efficient Off-Policy Reinforcement Learning", arXiv:1606.02647, equation 4,
    with the clicked item as the action.
    """
    errors = (rewards + np.float32(gamma) * ahead - believed).tolist()
    keep = (gamma * lambda_ * traces.astype(np.float64)).tolist()
    found, running, kept = np.empty(len(errors), dtype=np.float32), 0.0, 0.0
    for step in range(len(errors) - 1, -1, -1):
        running = errors[step] + kept * running
        kept = keep[step]
        found[step] = running
    found += believed
    return found


def shown_chances(propensities: Float64s, n_slots: NDArray[np.intp]) -> Float64s:
    """About how likely each slot's item was to be shown at all, shape as ``propensities``.

    Exact where the slate has one slot, and nearly so where each item has about the same chance in every slot.

    Args:
        propensities: (n, n_slots): of each slot's item, given the slots before.
        n_slots: (n,): slots that there are.
    """
    found: Float64s = -np.expm1(n_slots[:, None] * np.log1p(-np.minimum(propensities, 1.0 - 1e-9)))
    return found
