"""What the configuration tells of an apprentice: how often it would have done as the baseline did, and for how much.

In: the learner's report. Out: ``latestApprenticeModeMetrics``, or None where no decision was made in that mode.
"""

from __future__ import annotations

from typing import Any

from agent.progress import Progress
from serve_app.personalizer.times import instant_of


def metrics(report: Progress | None) -> dict[str, Any] | None:
    """The document."""
    if report is None or not report.apprentice.n_decisions:
        return None
    sums = report.apprentice
    return {
        "startTime": instant_of(sums.first_ms),
        "lastProcessedEventTime": instant_of(sums.last_ms),
        "numberOfEvents": sums.n_decisions,
        "numberOfImitatedEvents": sums.n_matched,
        "sumOfRewards": sums.reward,
        "sumOfImitatedRewards": sums.matched_reward,
    }
