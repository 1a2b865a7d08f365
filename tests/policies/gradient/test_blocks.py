"""Finished trajectories as one batch: targets, histories, padding, and what others' slates weigh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import Slate, Slot
from policies.gradient.blocks import batch_of
from policies.gradient.nets import Agent
from policies.gradient.options import parse
from policies.gradient.shapes import VALUE_SCALE
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.logged import LoggedStep
from policies.neural.sessions import LoggedTrajectory
from policies.trajectories import Trajectory
from tests.policies.offers import lessons

TOLD = [replace(one, rewards=[1.0, 0.0, 0.0]) for one in lessons(12, seed=2)]
ENCODER = DenseEncoder.fitted([(one.context, one.actions) for one in TOLD])
STEPS = tuple(LoggedStep.of(one, ENCODER, list(one.rewards)) for one in TOLD)
SMALL = replace(TOLD[0], actions=TOLD[0].actions[:3], slots=[Slot("0")], slate=Slate((2,), (0.5,)), rewards=[0.0])
SMALL_STEP = LoggedStep.of(SMALL, ENCODER, [0.0])
ITEM, SLATE = parse({"trace": 1.0}), parse({"trace": 1.0, "block_credit": "slate"})


def agent(value: float = 0.0) -> Agent:
    """Every slate equally likely; every moment worth ``value``."""
    made = Agent((ENCODER.n_context, ENCODER.n_action, n_features(ENCODER.n_action)), hidden=(4,), seed=1)
    bias: Any = made.critic.out
    bias.bias.data.fill_(value / VALUE_SCALE)
    return made


def ended(*steps: LoggedStep) -> LoggedTrajectory:
    return Trajectory("t", steps)


def test_returns_run_to_the_end_and_no_further() -> None:
    """Served as likely as the agent would, so importance is 1 and targets are plain sums of rewards to come."""
    found = batch_of([ended(*STEPS[:3]), ended(*STEPS[3:5])], agent(7.0), SLATE)
    assert_allclose(found.importance, np.ones(5), rtol=1e-4)
    assert_allclose(found.targets, [3.0, 2.0, 1.0, 2.0, 1.0], rtol=1e-4)
    assert_allclose(found.advantages.mean(), 0.0, atol=1e-5)


def test_a_cut_trajectory_goes_on_in_the_value_of_what_follows() -> None:
    cut = Trajectory("t", STEPS[:2], following=STEPS[2])
    assert_allclose(batch_of([cut], agent(7.0), SLATE).targets, [9.0, 8.0], rtol=1e-4)


def test_histories_are_of_the_session_so_far() -> None:
    found = batch_of([ended(*STEPS[:2]), ended(STEPS[2])], agent(), ITEM)
    assert found.histories[0].abs().sum() == 0.0
    assert found.histories[1].abs().sum() > 0.0
    assert found.histories[2].abs().sum() == 0.0


def test_requests_of_other_sizes_change_nothing_for_the_others() -> None:
    small, alone = (
        batch_of([ended(STEPS[0]), ended(SMALL_STEP)], agent(), ITEM),
        batch_of([ended(STEPS[0])], agent(), ITEM),
    )
    assert_allclose(small.targets[0], alone.targets[0])
    assert_allclose(small.importance[0], alone.importance[0], rtol=1e-5)
    assert small.slates.allowed is not None
    assert small.slates.allowed[1].sum() == 3


@pytest.mark.parametrize(("factor", "weight"), [(0.5, 2.0), (2.0, 0.5), (0.1, 3.0)])
def test_what_was_served_too_rarely_counts_more_up_to_a_bound(factor: float, weight: float) -> None:
    step = replace(
        SMALL_STEP,
        logged=np.log(np.array([factor / 3], dtype=np.float32)),
        rewards=np.ones(1, np.float32),
        clicks=np.ones(1, np.bool_),
    )
    for credit in ("slate", "item"):
        options = parse({"block_credit": credit, "most_importance": 3.0})
        assert_allclose(batch_of([ended(step)], agent(), options).importance, [weight], rtol=1e-4)


def test_credit_by_item_asks_how_likely_the_item_was_shown_at_all() -> None:
    """A click in the first of three slots has three chances; a step without one counts as it came, whoever served."""
    silent = replace(
        STEPS[0], rewards=np.zeros(3, np.float32), clicks=np.zeros(3, np.bool_), logged=STEPS[0].logged + 1.0
    )
    assert_allclose(batch_of([ended(silent)], agent(), ITEM).importance, [1.0])
    rarely = replace(STEPS[0], logged=np.log(np.array([0.1, 0.1, 0.1], dtype=np.float32)))
    expected = (1 - (1 - 1 / 6) ** 3) / (1 - 0.9**3)
    assert_allclose(batch_of([ended(rarely)], agent(), ITEM).importance, [expected], rtol=1e-4)


def test_what_silence_is_worth_is_no_click() -> None:
    """With a default reward of −0.1 too: nothing was clicked, so the step counts as it came."""
    told = replace(TOLD[0], rewards=[-0.1] * 3, clicked=[False] * 3)
    step = replace(LoggedStep.of(told, ENCODER, list(told.rewards)), logged=STEPS[0].logged + 1.0)
    assert_allclose(batch_of([ended(step)], agent(), ITEM).importance, [1.0])
