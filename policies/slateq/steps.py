"""Segments as flat steps to learn from: outcomes, λ-returns, and gains over the value of the moment.

In: a segment, and values of moments as they are believed now. Out: arrays of equal length, one row a step, in any
order that suits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policies.neural.arrays import Arrays
from policies.neural.dense import Float32s
from policies.neural.reward_scale import require_finite
from policies.neural.segment import Segment, Values, flat
from policies.slateq.options import SlateQOptions


def flat_steps(segment: Segment, values: Values, options: SlateQOptions, *, scale: float) -> Arrays:
    """Rows of a segment, by the names of ``policies.slateq.net.Step``.

    Args:
        segment: Chosen by the policy that learns.
        values: As believed now.
        options: Of the agent.
        scale: Rewards are divided by this.

    Raises:
        PolicyError: if a reward isn't finite.
    """
    require_finite(segment.rewards)
    earned = segment.earned(
        values, scale=scale, lambda_=options.trace, gamma=options.gamma, beyond_cut=options.beyond_cut
    )
    columns = {
        "contexts": segment.contexts[:-1],
        "histories": segment.histories[:-1],
        "shown": segment.shown,
        "outcome": outcomes(segment.clicks),
        "returns": earned.returns,
        "gains": earned.gains,
    }
    return {name: flat(column) for name, column in columns.items()}


def outcomes(clicks: NDArray[np.bool_]) -> Float32s:
    """(…, n_slots) → (…, n_slots + 1): shares of the clicks, all in the last place where there were none."""
    n_clicks = clicks.sum(axis=-1, keepdims=True)
    return np.concatenate([clicks / np.maximum(n_clicks, 1), n_clicks == 0], axis=-1, dtype=np.float32)
