"""Finished trajectories of logged steps as arrays: what was known before each step and after the last.

In: trajectories. Out: one record each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from policies.neural.dense import Float32s
from policies.neural.history import of_session
from policies.neural.logged import LoggedStep
from policies.neural.padded import Shown
from policies.trajectories import Trajectory

LoggedTrajectory = Trajectory[LoggedStep]


class Told(NamedTuple):
    """One trajectory as arrays.

    Attributes:
        steps: All of them.
        after: The step that came after these; None where nothing did.
        contexts: (n_steps + 1, n_context): of each step, and of what came after; zeros there if nothing did.
        histories: (n_steps + 1, n_history): the same.
    """

    steps: tuple[LoggedStep, ...]
    after: LoggedStep | None
    contexts: Float32s
    histories: Float32s

    @property
    def ended(self) -> bool:
        """Nothing came after."""
        return self.after is None


def told(trajectory: LoggedTrajectory) -> Told:
    """A trajectory as arrays."""
    contexts = [step.context for step in trajectory.steps]
    after = trajectory.following
    contexts.append(np.zeros_like(contexts[0]) if after is None else after.context)
    return Told(trajectory.steps, after, np.stack(contexts), _histories(trajectory.steps))


def _histories(steps: Sequence[LoggedStep]) -> Float32s:
    """Before each step and after the last; slates shorter than the longest are filled up with nothing."""
    shown = Shown.of(steps)
    return of_session(shown.items, shown.clicks)
