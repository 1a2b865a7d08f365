"""What was known of a session before each logged step and after the last.

In: finished trajectories of logged steps. Out: their histories, as arrays.
"""

from __future__ import annotations

from policies.neural.dense import Float32s
from policies.neural.history import of_session
from policies.neural.logged import LoggedStep
from policies.neural.padded import Shown
from policies.trajectories import Trajectory

LoggedTrajectory = Trajectory[LoggedStep]


def histories_of(trajectory: LoggedTrajectory) -> Float32s:
    """Before each step and after the last, (n_steps + 1, n_history); what followed a cut adds nothing."""
    shown = Shown.of(trajectory.steps)
    return of_session(shown.items, shown.clicks)
