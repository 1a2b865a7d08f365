from __future__ import annotations

import pytest

from agent.apprentice import ApprenticeSums, in_imitation
from agent.loops import RewardSettings
from agent.records import Imitation
from policies.base import Action, Context, Lesson, Slate, Slot

SERVED = Lesson(
    Context(), [Action(id) for id in "abc"], [Slot("0"), Slot("1")], Slate((0, 1), (1.0, 1.0)), [0.3, 0.9], at_ms=5
)


@pytest.mark.parametrize(
    ("low", "high", "match", "miss"),
    [(0.0, 1.0, 1.0, 0.0), (-1.0, 1.0, 1.0, 0.0), (2.0, 9.0, 9.0, 2.0), (-1, 0, 0, -1)],
)
def test_agreement_is_what_is_learned(low: float, high: float, match: float, miss: float) -> None:
    own = Imitation((0, 2), (0.6, 0.5), "vw", "v")
    told = in_imitation(SERVED, own, RewardSettings(min=low, max=high, default=low))
    assert told.slate == Slate((0, 2), (0.6, 0.5))
    assert list(told.rewards) == [match, miss]
    assert told.clicked == [True, False]
    assert (told.actions, told.at_ms) == (SERVED.actions, 5)


def test_sums_tell_how_often_both_agree_and_for_how_much() -> None:
    sums = ApprenticeSums()
    assert sums.match_rate is None
    for at_ms, is_match, reward in ((10, True, 1.0), (20, False, 0.5), (30, True, 0.25), (40, False, 0.0)):
        sums.add(at_ms, is_match=is_match, reward=reward)
    assert sums == ApprenticeSums(4, 2, 1.75, 1.25, 10, 40)
    assert sums.match_rate == 0.5
