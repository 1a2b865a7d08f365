"""PPO in a world: it learns what pays, and its critic keeps to the truth."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import PolicyError
from policies.gradient.options import parse
from policies.gradient.ppo import Ppo
from policies.neural.history import CLICKED_SCALE, COUNT_SCALE, n_features
from policies.neural.reward_scale import reward_scale
from policies.neural.segment import Segment

N_STEPS, N_USERS, N_CANDIDATES, N_ACTION, N_CONTEXT = 8, 32, 4, 5, 3
OPTIONS = parse({"hidden": [8], "minibatch": 64, "learning_rate": 0.02})


def ppo(seed: int = 0) -> Ppo:
    return Ppo(OPTIONS, N_CONTEXT, N_ACTION, n_slots=2, seed=seed)


def segment(agent: Ppo, dice: np.random.Generator) -> Segment:
    """One-step episodes; an item of kind 1 in the first slot pays 1."""
    places = (N_STEPS, N_USERS)
    contexts = np.ones((N_STEPS + 1, N_USERS, N_CONTEXT), dtype=np.float32)
    kinds = np.argsort(dice.random((*places, N_CANDIDATES)), axis=-1)
    candidates = np.zeros((*places, N_CANDIDATES, N_ACTION), dtype=np.float32)
    candidates[..., 0] = 1.0
    np.put_along_axis(candidates, 1 + kinds[..., None], 1.0, axis=-1)
    slates = agent.act(contexts[:-1], candidates, progress=0.0, dice=dice)
    first = np.take_along_axis(kinds, slates[..., :1], axis=-1)[..., 0] == 1
    clicks = np.stack([first, np.zeros_like(first)], axis=-1)
    n_history = n_features(N_ACTION)
    return Segment(
        contexts=contexts,
        histories=np.zeros((N_STEPS + 1, N_USERS, n_history), dtype=np.float32),
        candidates=candidates,
        slates=slates,
        shown=np.take_along_axis(candidates, slates[..., None], axis=2),
        clicks=clicks,
        rewards=first.astype(np.float32),
        ended=np.ones(places, dtype=np.bool_),
        cut=np.zeros(places, dtype=np.bool_),
        cut_contexts=np.empty((0, N_CONTEXT), dtype=np.float32),
        cut_histories=np.empty((0, n_history), dtype=np.float32),
    )


def trained(seed: int, n_updates: int = 30) -> tuple[Ppo, list[float]]:
    agent, dice = ppo(seed), np.random.default_rng(7)
    return agent, [agent.update(segment(agent, dice), progress=at / n_updates)["reward"] for at in range(n_updates)]


def test_it_learns_what_pays() -> None:
    """From the 1/4 of chance to nearly always; 256 draws an update, so 0.25 has a standard error of 0.03."""
    _, rewards = trained(1)
    assert rewards[0] < 0.4
    assert rewards[-1] > 0.8


def in_step(dice: np.random.Generator) -> Iterator[tuple[float, Segment]]:
    """Sessions of 60 steps, each paying 1, of users who all began at once: mean value of the moments, and a segment."""
    n_steps, n_users, length = 16, 64, 60
    places, first = (n_steps, n_users), 0
    while True:
        moments = (first + np.arange(n_steps + 1)) % length
        first += n_steps
        histories = np.zeros((n_steps + 1, n_users, n_features(N_ACTION)), dtype=np.float32)
        clicked = dice.normal(0.5 * moments[:, None, None], 0.3 * np.sqrt(moments)[:, None, None], (17, n_users, 4))
        histories[..., :-2], histories[..., -2] = clicked * CLICKED_SCALE, moments[:, None] * COUNT_SCALE
        candidates = dice.random((*places, N_CANDIDATES, N_ACTION), dtype=np.float32)
        slates = np.broadcast_to(np.arange(2), (*places, 2)).copy()
        yield (
            float(np.mean(length - moments[:-1])),
            Segment(
                contexts=np.ones((n_steps + 1, n_users, N_CONTEXT), dtype=np.float32),
                histories=histories,
                candidates=candidates,
                slates=slates,
                shown=candidates[..., :2, :],
                clicks=np.ones((*places, 2), dtype=np.bool_),
                rewards=np.ones(places, dtype=np.float32),
                ended=np.broadcast_to((moments[:-1] == length - 1)[:, None], places).copy(),
                cut=np.zeros(places, dtype=np.bool_),
                cut_contexts=np.empty((0, N_CONTEXT), dtype=np.float32),
                cut_histories=np.empty((0, n_features(N_ACTION)), dtype=np.float32),
            ),
        )


def test_the_critic_keeps_to_the_truth_where_all_sessions_are_in_step() -> None:
    """Means of 1,024 moments, worth 8 to 52: a critic whose gradient is cut is off by up to 60 to 200 here."""
    agent = Ppo(parse({"epochs": 2, "minibatch": 256}), N_CONTEXT, N_ACTION, n_slots=2, seed=0)
    off = [
        abs(agent.update(told, progress=at / 60)["value"] - truth)
        for at, (truth, told) in zip(range(60), in_step(np.random.default_rng(3)), strict=False)
    ]
    assert max(off[30:]) < 15.0


def test_the_same_seed_gives_the_same_nets() -> None:
    one, same = (trained(2, 3)[0].arrays() for _ in range(2))
    assert all(np.array_equal(one[name], same[name]) for name in one)


def test_greedy_slates_are_those_of_the_highest_scores() -> None:
    agent, _ = trained(1)
    found = segment(agent, np.random.default_rng(1))
    assert found.candidates is not None
    best = agent.greedy(found.contexts[:-1], found.candidates)
    first = np.take_along_axis(found.candidates, best[..., :1, None], axis=2)[..., 0, :]
    assert first[..., 2].mean() > 0.95


@pytest.mark.parametrize("n_updates", [0, 2])
def test_a_segment_without_candidates_or_with_a_broken_reward_is_refused_and_changes_nothing(n_updates: int) -> None:
    """Nets, optimiser, learning rate, scale of rewards and dice are all in a copy's bytes."""
    agent, _ = trained(1, n_updates)
    good = segment(agent, np.random.default_rng(1))
    before = pickle.dumps(agent)
    with pytest.raises(PolicyError, match="keep_candidates"):
        agent.update(replace(good, candidates=None), progress=0.9)
    broken = good.rewards.copy()
    broken[0, 0] = np.nan
    with pytest.raises(PolicyError, match=r"rewards\[0, 0\]=nan: must be finite"):
        agent.update(replace(good, rewards=broken), progress=0.9)
    assert pickle.dumps(agent) == before
    agent.update(good, progress=0.9)
    assert pickle.dumps(agent) != before


@pytest.mark.parametrize(("rewards", "scale"), [([3.0, 0.0, 0.0], 3.0**0.5), ([0.0, 0.0], 1.0), ([-2.0, 2.0], 2.0)])
def test_rewards_are_measured_by_their_root_mean_square(rewards: list[float], scale: float) -> None:
    assert_allclose(reward_scale(rewards), scale)
