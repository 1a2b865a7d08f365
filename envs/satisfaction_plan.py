"""What the rest of an episode is worth in a world of one hidden number: backward induction over the steps left.

In: what an item of given clickbait brings now, and how it moves the exposure. Out: a table of the expected rest by
exposure and steps left, which ``long_term_satisfaction`` looks one step ahead with.

The table is that of the best policy that takes the least or the most of the candidates, whichever is worth more at each
exposure and step: ``V_t(n) = E[max over c in {c_min, c_max} of gain(n, c) + V_{t-1}(move(n, c))]``. The extremes of
n_candidates uniform draws are averaged over a grid of their quantiles; the small noise of the exposure is left out.
A policy that looks one step ahead with it, over all candidates, is at least about as good as always taking the most or
always the least, and knows when in the episode to turn from one to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from envs.world import Floats, Indices

MOST_EXPOSURE = 4.0
N_EXPOSURES = 81
N_QUANTILES = 16

Effect = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Plan:
    """Expected rest of an episode.

    Attributes:
        exposures: (n_exposures,), evenly spaced.
        values: (n_steps + 1, n_exposures): by steps left.
    """

    exposures: Floats
    values: Floats

    @classmethod
    def made(cls, gain: Effect, move: Effect, *, n_steps: int, n_candidates: int) -> Plan:
        """Work backwards from the last step.

        Args:
            gain: Expected reward of (exposure, clickbait), elementwise.
            move: Exposure after it, elementwise.
            n_steps: Length of an episode.
            n_candidates: How many uniform draws there are to choose from.
        """
        exposures = np.linspace(-MOST_EXPOSURE, MOST_EXPOSURE, N_EXPOSURES)
        extremes = _extremes(n_candidates)
        now = gain(exposures[:, None, None], extremes)
        ahead = move(exposures[:, None, None], extremes)
        values = np.zeros((n_steps + 1, N_EXPOSURES))
        for left in range(1, n_steps + 1):
            rest = np.interp(ahead, exposures, values[left - 1])
            values[left] = (now + rest).max(axis=1).mean(axis=1)
        return cls(exposures, values)

    def worth(self, exposure: Floats, steps_left: Indices) -> Floats:
        """Expected rest, for exposures (n_users, n_candidates) with steps (n_users,) left after this one."""
        place = (np.clip(exposure, -MOST_EXPOSURE, MOST_EXPOSURE) + MOST_EXPOSURE) / (2 * MOST_EXPOSURE)
        place *= N_EXPOSURES - 1
        below = np.minimum(place.astype(np.intp), N_EXPOSURES - 2)
        rows = self.values[np.maximum(steps_left, 0)]
        low, high = np.take_along_axis(rows, below, axis=1), np.take_along_axis(rows, below + 1, axis=1)
        return np.asarray(low + (place - below) * (high - low))


def _extremes(n_candidates: int) -> Floats:
    """Least and most of n uniform draws, at a grid of quantiles: (2, n_quantiles²)."""
    middle = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    first, second = (axis.ravel() for axis in np.meshgrid(middle, middle))
    most = first ** (1.0 / n_candidates)
    # The others are uniform below the most.
    least = most * (1.0 - second ** (1.0 / (n_candidates - 1))) if n_candidates > 1 else most
    return np.stack([least, most])
