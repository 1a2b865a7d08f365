"""How large rewards are: nets learn best what is about as large as 1.

In: the first rewards. Out: what all rewards are divided by.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from policies.base import PolicyError

_SMALLEST = 1e-6


def reward_scale(rewards: ArrayLike) -> float:
    """Root mean square of slates' rewards; 1 where nobody was rewarded.

    Raises:
        PolicyError: if a reward isn't finite.
    """
    found = float(np.sqrt(np.mean(np.square(np.asarray(rewards, dtype=np.float64)))))
    if not np.isfinite(found):
        raise PolicyError("rewards: one is not finite; look at the world")
    return found if found > _SMALLEST else 1.0
