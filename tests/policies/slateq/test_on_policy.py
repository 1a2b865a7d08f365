"""The learner that acts: it learns what pays, the same way each time, and refuses what would ruin it."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import PolicyError
from policies.neural.history import n_features
from policies.slateq.net import Sizes
from policies.slateq.on_policy import OnPolicySlateQ
from policies.slateq.options import parse
from tests.policies.neural.segments import N_ACTION, N_CONTEXT, N_SLOTS, segment

SIZES = Sizes(N_CONTEXT, N_ACTION, n_features(N_ACTION), N_SLOTS)


def agent(seed: int = 0) -> OnPolicySlateQ:
    return OnPolicySlateQ(parse({"hidden": [16], "minibatch": 64, "gamma": 0.0, "epochs": 3}), SIZES, seed=seed)


def learned(seed: int = 0) -> OnPolicySlateQ:
    made = agent(seed)
    for number in range(12):
        made.update(segment(n_steps=32, n_users=16, seed=number), progress=number / 12)
    return made


def test_it_finds_what_pays() -> None:
    """Clicks fall alike on all slots, and pay the item's second coordinate: the best slate has the largest of these.

    Of 200 users whose two best differ by more than 0.3 from the rest all but a few must see them.
    """
    made, dice = learned(), np.random.default_rng(9)
    candidates = dice.normal(size=(200, 6, N_ACTION)).astype(np.float32)
    candidates[..., 0] = 1.0
    contexts = dice.normal(size=(200, N_CONTEXT)).astype(np.float32)
    pay = np.sort(candidates[..., 1], axis=1)
    clear = pay[:, -2] - pay[:, -3] > 0.3
    found = np.sort(np.take_along_axis(candidates[..., 1], made.greedy(contexts, candidates), axis=1), axis=1)
    assert clear.sum() > 80
    assert np.mean(np.all(found == pay[:, -2:], axis=1)[clear]) > 0.9


def test_the_same_segments_the_same_parameters() -> None:
    first, second, other = learned().arrays(), learned().arrays(), learned(seed=1).arrays()
    for name, array in first.items():
        assert_array_equal(second[name], array)
    assert not np.array_equal(other["advantage.out.weight"], first["advantage.out.weight"])


def test_making_one_leaves_torch_s_own_dice_alone() -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    agent()
    assert torch.equal(torch.rand(1), expected)


def test_parameters_can_be_taken_over() -> None:
    known, new = learned(), agent(seed=4)
    new.load(known.arrays())
    dice = np.random.default_rng(1)
    contexts = dice.normal(size=(30, N_CONTEXT)).astype(np.float32)
    candidates = dice.normal(size=(30, 6, N_ACTION)).astype(np.float32)
    assert_array_equal(new.greedy(contexts, candidates), known.greedy(contexts, candidates))


def test_exploring_falls_with_progress_and_shows_distinct_items() -> None:
    made = agent()
    contexts = np.ones((4000, N_CONTEXT), dtype=np.float32)
    candidates = np.ones((4000, 6, N_ACTION), dtype=np.float32)
    shares = []
    for progress in (0.0, 0.5):
        slates = made.act(contexts, candidates, progress=progress, dice=np.random.default_rng(3))
        assert (slates[:, 0] != slates[:, 1]).all()
        shares.append(float(np.mean((slates != [0, 1]).any(axis=1))))
    assert shares[0] == pytest.approx(29 / 30, abs=0.02)
    assert shares[1] == pytest.approx(0.05 * 29 / 30, abs=0.02)


def test_where_nobody_was_rewarded_at_first_rewards_are_as_they_are() -> None:
    made, first = agent(), segment()
    first.rewards[:] = 0.0
    made.update(first, progress=0.0)
    assert made.reward_scale == 1.0


@pytest.mark.parametrize("make", [agent, learned])
def test_a_bad_reward_changes_nothing(make: Callable[[], OnPolicySlateQ]) -> None:
    """Nets, optimiser, learning rate, scale of rewards and dice are all in a copy's bytes."""
    made, bad = make(), segment(seed=77)
    before = pickle.dumps(made)
    assert pickle.dumps(made) == before
    bad.rewards[0, 0] = np.nan
    with pytest.raises(PolicyError, match=r"rewards\[0, 0\]=nan: must be finite"):
        made.update(bad, progress=0.5)
    assert pickle.dumps(made) == before
    made.update(segment(seed=77), progress=0.5)
    assert pickle.dumps(made) != before
