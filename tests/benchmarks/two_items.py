"""Steps of a world with two items, one slot and users who click whatever they are shown."""

from __future__ import annotations

import numpy as np

from policies.base import Action, Context
from policies.neural.dense import DenseEncoder
from policies.neural.logged import LoggedStep

_ACTIONS = [Action("a", {"kind": "a"}), Action("b", {"kind": "b"})]
TWO = DenseEncoder.fitted([(Context(), _ACTIONS)])
A, B = TWO.actions(_ACTIONS)


def step(*, show: int, reward: float) -> LoggedStep:
    """One slot, two candidates, and whatever is shown is clicked."""
    return LoggedStep(
        context=TWO.context(Context()),
        candidates=np.stack([A, B]),
        items=np.array([show], dtype=np.uint16),
        logged=np.log(np.array([0.5], dtype=np.float32)),
        rewards=np.array([reward], dtype=np.float32),
        clicks=np.array([True]),
        allowed=np.ones((1, 2), dtype=np.bool_),
    )
