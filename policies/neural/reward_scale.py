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
    require_finite(rewards)
    found = float(np.sqrt(np.mean(np.square(np.asarray(rewards, dtype=np.float64)))))
    return found if found > _SMALLEST else 1.0


def require_finite(rewards: ArrayLike) -> None:
    """Refuse what would ruin all nets for good.

    Raises:
        PolicyError: naming the first reward that isn't finite: of arrays, by its place.
    """
    found = np.asarray(rewards)
    if np.isfinite(found).all():
        return
    place = np.argwhere(~np.isfinite(found))[0].tolist()
    raise PolicyError(
        f"rewards[{', '.join(map(str, place))}]={found[tuple(place)]}: must be finite, and nothing was learned; "
        "look at how the world, or whatever sends rewards, computes them"
    )
