"""Apprentice mode: a policy learns to choose as the application does by itself, before anyone is served by it.

In: decisions that were served by the baseline, with the choice the policy would have made. Out: lessons in imitation,
and sums that tell how often both agree and what it earned.

The baseline was served for sure, so its own reward says nothing about other actions. The policy is told instead whether
it chose as the baseline did: the greatest reward if so, else none, with the propensity of its own choice.
"""

from __future__ import annotations

import dataclasses

import msgspec

from agent.loops import RewardSettings
from agent.records import Decision, Imitation
from policies.base import Lesson, Slate


class ApprenticeSums(msgspec.Struct):
    """Sums over the decisions of apprentice mode.

    Attributes:
        n_matched: Those where the policy would have served the same, in every slot.
        reward: What the baseline earned.
        matched_reward: What it earned where both agree; over ``reward`` this is the share of the baseline's reward that
            the policy would have had for sure.
        first_ms: Stream time of the first decision; 0 before it.
        last_ms: Of the last one.
    """

    n_decisions: int = 0
    n_matched: int = 0
    reward: float = 0.0
    matched_reward: float = 0.0
    first_ms: int = 0
    last_ms: int = 0

    def add(self, at_ms: int, *, is_match: bool, reward: float) -> None:
        """Count one decision."""
        self.n_decisions += 1
        self.reward += reward
        self.first_ms = self.first_ms or at_ms
        self.last_ms = at_ms
        if is_match:
            self.n_matched += 1
            self.matched_reward += reward

    @property
    def match_rate(self) -> float | None:
        """Share of decisions where both agree; None before the first."""
        return self.n_matched / self.n_decisions if self.n_decisions else None


def matches(decision: Decision, own: Imitation) -> bool:
    """Whether the policy would have served what was served."""
    return own.chosen == decision.chosen


def in_imitation(told: Lesson, own: Imitation, settings: RewardSettings) -> Lesson:
    """What the policy is told of a decision of its apprenticeship.

    Args:
        told: The decision as it was served.
        own: What the policy would have served.
        settings: The loop's range of rewards.
    """
    nothing = max(settings.min, min(settings.max, 0.0))
    miss = nothing if nothing < settings.max else settings.min
    agrees = [mine == theirs for mine, theirs in zip(own.chosen, told.slate.chosen, strict=True)]
    rewards = [settings.max if agreed else miss for agreed in agrees]
    return dataclasses.replace(told, slate=Slate(own.chosen, own.propensities), rewards=rewards, clicked=agrees)
