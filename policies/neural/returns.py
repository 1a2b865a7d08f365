"""λ-returns of many trajectories at once.

In: rewards and values, shape (n_steps, n_users), and where episodes ended or were cut. Out: advantages of that shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


def advantages(
    rewards: Floats,
    values: Floats,
    next_values: Floats,
    *,
    ended: Flags,
    cut: Flags,
    lambda_: float,
    gamma: float = 1.0,
) -> NDArray[np.float32]:
    """How much better each step went than its value promised; all arrays (n_steps, n_users).

    A sum of one-step errors, each further one weighed by γλ; it stops where an episode ends or is cut, and at the last
    step. ``advantages + values`` are the λ-returns.

    Args:
        rewards: Of each step.
        values: V of what was seen before the step.
        next_values: V of what was seen after it, of the same user; ignored where the episode ended.
        ended: Nothing is worth anything after it.
        cut: The next row is another user's, but the value goes on.
        lambda_: In [0, 1]: 0 trusts the values, 1 the rewards.
        gamma: Discount.

    Source: Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation",
    equation 16.
    """
    errors = rewards + np.where(ended, 0.0, gamma * next_values) - values
    keep = np.where(ended | cut, 0.0, gamma * lambda_).astype(np.float32)
    found = np.empty(errors.shape, dtype=np.float32)
    running = np.zeros(errors.shape[1], dtype=np.float32)
    for step in range(len(errors) - 1, -1, -1):
        running = (errors[step] + keep[step] * running).astype(np.float32)
        found[step] = running
    return found
