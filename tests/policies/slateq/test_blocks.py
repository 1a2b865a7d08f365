"""Trajectories as batches: returns, padding, and what cut ones look ahead to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from numpy.testing import assert_allclose

from policies.base import Slate, Slot
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.logged import LoggedStep
from policies.neural.sessions import LoggedTrajectory
from policies.slateq.blocks import batch_of
from policies.slateq.net import Sizes, SlateQNet
from policies.slateq.options import SlateQOptions, parse
from policies.trajectories import Trajectory
from tests.policies.offers import lessons
from tests.policies.slateq.trained import net

TOLD = [replace(one, rewards=[1.0, 0.0, 0.0]) for one in lessons(12, seed=2)]
ENCODER = DenseEncoder.fitted([(one.context, one.actions) for one in TOLD])
SIZES = Sizes(ENCODER.n_context, ENCODER.n_action, n_features(ENCODER.n_action), 3)
STEPS = tuple(LoggedStep.of(one, ENCODER, list(one.rewards)) for one in TOLD)
SMALL = replace(
    TOLD[0],
    actions=TOLD[0].actions[:3],
    slots=[Slot("0")],
    slate=Slate((2,), (0.5,)),
    rewards=[0.0],
)
SMALL_STEP = LoggedStep.of(SMALL, ENCODER, [0.0])
FULL: SlateQOptions = parse({"block_trace": 1.0})


def level(value: float) -> SlateQNet:
    """Every moment worth ``value``."""
    made = SlateQNet(parse({"hidden": (4,)}), SIZES)
    out: Any = made.value.out
    out.bias.data.fill_(value / made.value_scale)
    return made


def ended(*steps: LoggedStep) -> LoggedTrajectory:
    return Trajectory("t", steps)


def test_with_a_trace_of_0_each_step_looks_one_step_ahead() -> None:
    """An item earned 1; after the last step there is nothing."""
    options = parse({"block_trace": 0.0})
    found = batch_of([ended(*STEPS[:3])], level(7.0), options).step
    assert_allclose(found.returns, [8.0, 8.0, 1.0], rtol=1e-5)
    assert_allclose(found.gains, [1.0, 1.0, -6.0], rtol=1e-5)


def test_a_cut_trajectory_goes_on_in_the_value_of_what_follows() -> None:
    cut = Trajectory("t", STEPS[:2], following=STEPS[2])
    found = batch_of([cut], level(7.0), parse({"block_trace": 0.0})).step
    assert_allclose(found.returns, [8.0, 8.0], rtol=1e-5)


def test_steps_of_other_trajectories_change_nothing() -> None:
    made = net(SIZES, seed=3)
    alone = batch_of([ended(*STEPS[:4])], made, FULL)
    beside = batch_of([ended(SMALL_STEP), ended(*STEPS[:4]), ended(*STEPS[5:7])], made, FULL).take(torch.arange(1, 5))
    for one, other in zip((*alone.step, alone.shown), (*beside.step, beside.shown), strict=True):
        assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-4)


def test_slots_that_do_not_exist_are_told() -> None:
    found = batch_of([ended(SMALL_STEP, STEPS[0])], level(0.0), FULL)
    assert found.shown.tolist() == [[True, False, False, True], [True] * 4]
    assert found.step.outcome.tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]
    assert not found.step.shown[0, 1:].any()


def test_what_silence_is_worth_is_no_click() -> None:
    """A default reward of −0.1, and one click among three."""
    rewards = [-0.1, 1.0, -0.1]
    told = [
        replace(TOLD[0], rewards=rewards, clicked=[False, True, False]),
        replace(TOLD[0], rewards=[-0.1] * 3, clicked=[False] * 3),
    ]
    found = batch_of([ended(*(LoggedStep.of(one, ENCODER, list(one.rewards)) for one in told))], level(0.0), FULL).step
    assert found.outcome.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    assert_allclose(found.returns, [0.5, -0.3], rtol=1e-5)
    clicked = ENCODER.actions(TOLD[0].actions)[TOLD[0].slate.chosen[1]]
    assert_allclose(found.histories[1, :-2], 0.2 * clicked[1:], rtol=1e-5)
