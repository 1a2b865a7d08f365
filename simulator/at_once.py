"""A loop in this process that learns each decision before the next is made, as studies of bandits assume.

In: what a client would send. Out: what ``InProcess`` answers, from a snapshot that knows every reward told so far.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.records import Tick
from simulator.in_process import InProcess
from simulator.service import Feedback

AT_ONCE_S = 0.001
"""The reward window of such a loop: the least there is."""


class AtOnce(InProcess):
    """After each report of rewards the clock moves past the window, so that the decision is learned and published.

    All feedback on a decision must come with one report, and before the next decision.
    """

    def rewards(self, feedback: Iterable[Feedback]) -> int:
        """Log what happened, and learn from it now."""
        n = super().rewards(feedback)
        self.log.now_ms += self._window_ms + 1
        self.log.append(Tick(self.log.now_ms))
        self._follow()
        return n
