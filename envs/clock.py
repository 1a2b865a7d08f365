"""The time of a world: every step moves it on by an equal part of a day.

In: steps. Out: hours since the world began, the hour of the day, the day. It begins at midnight of day 0.
"""

from __future__ import annotations

from envs.world import check_number

HOURS_PER_DAY = 24.0


class Clock:
    """Counts steps; time is derived from the count, so that no rounding piles up."""

    def __init__(self, requests_per_day: float) -> None:
        """A clock that has not begun.

        Args:
            requests_per_day: How many requests each place sends in a day; one step is one request.

        Raises:
            WorldError: unless it is positive and finite.
        """
        check_number("requests_per_day", requests_per_day, within="(0, inf)")
        self._requests_per_day = requests_per_day
        self._n_steps = 0

    def restart(self) -> None:
        """Back to midnight of day 0."""
        self._n_steps = 0

    def advance(self) -> float:
        """One step on; how many hours that was."""
        self._n_steps += 1
        return self.step_h

    @property
    def step_h(self) -> float:
        """Hours of one step."""
        return HOURS_PER_DAY / self._requests_per_day

    @property
    def now_h(self) -> float:
        """Hours since the world began."""
        return self._n_steps * HOURS_PER_DAY / self._requests_per_day

    @property
    def hour(self) -> int:
        """Hour of the day, 0 to 23."""
        return int(self.now_h % HOURS_PER_DAY)

    @property
    def day(self) -> int:
        """Whole days since the world began."""
        return int(self.now_h // HOURS_PER_DAY)
