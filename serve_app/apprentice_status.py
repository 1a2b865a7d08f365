"""How an apprentice does, for status: how often it agrees with the baseline, and what both earned.

In: the learner's report. Out: an ``ApprenticeStatus``, or None where no decision was made in that mode.
"""

from __future__ import annotations

import msgspec

from agent.progress import Progress

READY = 0.6
"""Share of agreement from which on it is ready. Source: documentation of Azure AI Personalizer, 60 to 80 %."""


class ApprenticeStatus(msgspec.Struct, frozen=True):
    """The decisions of apprentice mode that are learned so far.

    Attributes:
        match_rate: Share of them where the policy would have served the same in every slot.
        baseline_reward: What the baseline earned for each of them.
        matched_reward: What it earned for each where both agree; null before the first.
        reward_share: Share of the baseline's reward that lies where both agree; null where it earned nothing.
        is_ready: Whether the match rate has reached 0.6.
    """

    n_decisions: int
    n_matched: int
    match_rate: float
    baseline_reward: float
    matched_reward: float | None
    reward_share: float | None
    is_ready: bool


def apprentice_of(report: Progress | None) -> ApprenticeStatus | None:
    """The status."""
    rate = None if report is None else report.apprentice.match_rate
    if report is None or rate is None:
        return None
    sums = report.apprentice
    return ApprenticeStatus(
        n_decisions=sums.n_decisions,
        n_matched=sums.n_matched,
        match_rate=rate,
        baseline_reward=sums.reward / sums.n_decisions,
        matched_reward=sums.matched_reward / sums.n_matched if sums.n_matched else None,
        reward_share=sums.matched_reward / sums.reward if sums.reward > 0.0 else None,
        is_ready=rate >= READY,
    )
