from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from agent.learner import LoopLearner
from agent.records import StreamId
from agent.snapshot_check import fault
from tests.agent.test_learner import experiences, taught
from tests.agent.traffic import settings


@pytest.mark.parametrize("kind", ["vw", "uniform", "popularity"])
def test_a_sound_snapshot_passes(kind: str) -> None:
    learner = taught(LoopLearner(settings(kind)), experiences(30))
    assert fault(learner.snapshot(StreamId(1, 0)), learner.recent) is None


def test_bytes_that_do_not_load_are_found() -> None:
    learner = taught(LoopLearner(settings()), experiences(30))
    broken = msgspec.structs.replace(learner.snapshot(StreamId(1, 0)), policy=b"nonsense")
    assert "no Vowpal Wabbit model" in (fault(broken, learner.recent) or "")
    broken = msgspec.structs.replace(learner.snapshot(StreamId(1, 0)), rates=b"nonsense")
    assert "no item rates" in (fault(broken, learner.recent) or "")


def test_an_untrue_distribution_is_found() -> None:
    """A popularity policy asked about a rate that is not a number has no best action."""
    learner = taught(LoopLearner(settings("popularity")), experiences(3))
    lesson = learner.recent[-1]
    actions = [msgspec.structs.replace(action, derived=(float("nan"), 1.0)) for action in lesson.actions]
    with np.errstate(invalid="ignore"):
        assert fault(learner.snapshot(StreamId(1, 0)), [replace(lesson, actions=actions)]) is not None
