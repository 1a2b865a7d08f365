"""What makes a lesson unfit to learn from; every learner asks here before it learns.

In: a lesson. Out: None, or the reason under which its refusal is counted. Learning engines take anything silently, and
one infinite cost ruins a model for good.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from policies.base import LearnReport, Lesson, PolicyError


def fault(lesson: Lesson) -> str | None:
    """Why this lesson can't be learned from, in few words that name the field; None where it can."""
    slate, n_actions, n_slots = lesson.slate, len(lesson.actions), len(lesson.slots)
    if not n_slots:
        return "slots: none"
    if not len(slate.chosen) == len(slate.propensities) == len(lesson.rewards) == n_slots:
        return "slate: not one choice, propensity and reward for each slot"
    if lesson.clicked is not None and len(lesson.clicked) != n_slots:
        return "clicked: not one for each slot"
    if any(not 0 <= index < n_actions for index in slate.chosen):
        return "chosen: not an action"
    if len(set(slate.chosen)) != n_slots:
        return "chosen: an action twice"
    if any(not 0.0 < value <= 1.0 for value in slate.propensities):
        return "propensity: outside (0, 1]"
    if not all(map(math.isfinite, lesson.rewards)):
        return "reward: not finite"
    return _eligibility_fault(lesson)


def learn_each(lessons: Sequence[Lesson], learn: Callable[[Lesson], None]) -> LearnReport:
    """Learn from every fit lesson, in order, and count the refused ones by reason.

    A ``PolicyError`` of ``learn`` refuses that lesson; its message is the reason, so let it hold no values.
    """
    refused: Counter[str] = Counter()
    for lesson in lessons:
        reason = fault(lesson)
        if reason is None:
            reason = _refusal(lesson, learn)
        if reason is not None:
            refused[reason] += 1
    return LearnReport(len(lessons) - refused.total(), dict(refused))


def _refusal(lesson: Lesson, learn: Callable[[Lesson], None]) -> str | None:
    try:
        learn(lesson)
    except PolicyError as error:
        return str(error)
    return None


def _eligibility_fault(lesson: Lesson) -> str | None:
    if lesson.eligible is None:
        return None
    if len(lesson.eligible) != len(lesson.slots):
        return "eligible: not one mask for each slot"
    for mask, index in zip(lesson.eligible, lesson.slate.chosen, strict=True):
        if len(mask) != len(lesson.actions):
            return "eligible: a mask not as long as the actions"
        if not mask[index]:
            return "chosen: not eligible"
    return None
