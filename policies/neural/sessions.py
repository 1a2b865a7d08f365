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
    n_slots = max(len(step.items) for step in steps)
    shown = np.zeros((len(steps), n_slots, steps[0].candidates.shape[1]), dtype=np.float32)
    clicks = np.zeros((len(steps), n_slots), dtype=np.bool_)
    for row, step in enumerate(steps):
        shown[row, : len(step.items)], clicks[row, : len(step.items)] = step.shown, step.clicks
    return of_session(shown, clicks)
