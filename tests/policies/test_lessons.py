"""What a learner refuses to learn from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace as changed

from policies.base import Lesson, PolicyError, Slate
from policies.lessons import fault, learn_each
from tests.policies.offers import SLOTS, lessons

GOOD = lessons(1)[0]
FIRST, SECOND, THIRD = GOOD.slate.chosen
OPEN = np.ones(6, dtype=np.bool_)
WITHOUT_SECOND = np.arange(6) != SECOND

BAD: list[tuple[dict[str, Any], str]] = [
    ({"slate": changed(GOOD.slate, propensities=(0.5, 0.0, 0.5))}, "propensity: outside (0, 1]"),
    ({"slate": changed(GOOD.slate, propensities=(0.5, -0.1, 0.5))}, "propensity: outside (0, 1]"),
    ({"slate": changed(GOOD.slate, propensities=(0.5, 1.01, 0.5))}, "propensity: outside (0, 1]"),
    ({"slate": changed(GOOD.slate, propensities=(0.5, float("nan"), 0.5))}, "propensity: outside (0, 1]"),
    ({"rewards": [0.0, float("nan"), 1.0]}, "reward: not finite"),
    ({"rewards": [0.0, float("-inf"), 1.0]}, "reward: not finite"),
    ({"rewards": [0.0, 1.0]}, "slate: not one choice, propensity and reward for each slot"),
    ({"slots": SLOTS[:2]}, "slate: not one choice, propensity and reward for each slot"),
    ({"clicked": [True]}, "clicked: not one for each slot"),
    ({"slots": (), "slate": Slate((), ()), "rewards": []}, "slots: none"),
    ({"slate": changed(GOOD.slate, chosen=(0, 1, 6))}, "chosen: not an action"),
    ({"slate": changed(GOOD.slate, chosen=(0, 1, -1))}, "chosen: not an action"),
    ({"slate": changed(GOOD.slate, chosen=(0, 1, 1))}, "chosen: an action twice"),
    ({"eligible": [OPEN, OPEN]}, "eligible: not one mask for each slot"),
    ({"eligible": [OPEN, OPEN, OPEN[:5]]}, "eligible: a mask not as long as the actions"),
    ({"eligible": [OPEN, WITHOUT_SECOND, OPEN]}, "chosen: not eligible"),
]


@pytest.mark.parametrize(("change", "reason"), BAD)
def test_an_unfit_lesson_has_a_reason(change: dict[str, Any], reason: str) -> None:
    assert fault(replace(GOOD, **change)) == reason


def test_a_fit_lesson_has_none() -> None:
    assert fault(GOOD) is None
    assert fault(replace(GOOD, eligible=[WITHOUT_SECOND, OPEN, WITHOUT_SECOND])) is None
    assert fault(replace(GOOD, slate=changed(GOOD.slate, propensities=(1.0, 1e-300, 0.5)))) is None


def test_fit_lessons_are_learned_in_order_and_the_others_counted() -> None:
    learned: list[Lesson] = []
    bad = replace(GOOD, rewards=[0.0, 0.0, float("inf")])
    many = [*lessons(2, seed=1), bad, *lessons(2, seed=2), bad]
    report = learn_each(many, learned.append)
    assert learned == [many[0], many[1], many[3], many[4]]
    assert (report.n_learned, report.refused) == (4, {"reward: not finite": 2})


def test_a_lesson_that_the_policy_refuses_is_counted_and_the_next_one_learned() -> None:
    def refuse_first(lesson: Lesson) -> None:
        if lesson is many[0]:
            raise PolicyError("text: odd")

    many = lessons(3, seed=1)
    report = learn_each(many, refuse_first)
    assert (report.n_learned, report.refused) == (2, {"text: odd": 1})
