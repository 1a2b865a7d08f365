"""Finished trajectories of logged steps as arrays: what was known before each step and after the last.

In: trajectories. Out: one record each, of the steps that can be learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from policies.neural.dense import Float32s
from policies.neural.history import of_session
from policies.neural.logged import LoggedStep
from policies.trajectories import Trajectory

LoggedTrajectory = Trajectory[LoggedStep]


class Told(NamedTuple):
    """One trajectory as arrays.

    Attributes:
        steps: Those to learn from.
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


def n_usable(trajectory: Trajectory[Any]) -> int:
    """Steps to learn from: of a cut one that nothing is known after, the last only tells where the others led."""
    blind = not trajectory.ended and trajectory.following is None
    return len(trajectory.steps) - blind


def told(trajectory: LoggedTrajectory) -> Told:
    """A trajectory, at least one step of which is usable."""
    known = [*trajectory.steps]
    if trajectory.following is not None:
        known.append(trajectory.following)
    n = len(known) if trajectory.ended else len(known) - 1
    contexts = [step.context for step in known]
    if trajectory.ended:
        contexts.append(np.zeros_like(contexts[0]))
    histories = _histories(trajectory.steps)[: n + 1]
    return Told(tuple(known[:n]), None if trajectory.ended else known[n], np.stack(contexts), histories)


def _histories(steps: Sequence[LoggedStep]) -> Float32s:
    """Before each step and after the last; slates shorter than the longest are filled up with nothing."""
    n_slots = max(len(step.items) for step in steps)
    shown = np.zeros((len(steps), n_slots, steps[0].candidates.shape[1]), dtype=np.float32)
    clicks = np.zeros((len(steps), n_slots), dtype=np.bool_)
    for row, step in enumerate(steps):
        shown[row, : len(step.items)], clicks[row, : len(step.items)] = step.shown, step.clicks
    return of_session(shown, clicks)
