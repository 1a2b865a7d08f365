"""Gains slot by slot: the greatest of each slot, one after the other, are the best slate of all there are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import Mask
from policies.slateq.slot_gains import Worths
from tests.policies.slateq.test_search import LOOKS

N_ACTIONS = 6
EVERYTHING = np.ones(N_ACTIONS, dtype=np.bool_)


def worths(looks: tuple[float, ...], seed: int) -> Worths:
    dice = np.random.default_rng(seed)
    return Worths(np.exp(dice.normal(size=N_ACTIONS)), dice.normal(size=N_ACTIONS), float(dice.normal()), looks)


def worth(known: Worths, slate: tuple[int, ...]) -> float:
    """Σ w q / Σ w, no click among them."""
    shown = [look * known.weights[index] for look, index in zip(known.looks, slate, strict=False)]
    gained = sum(weight * known.values[index] for weight, index in zip(shown, slate, strict=True))
    return float((known.nothing + gained) / (1.0 + sum(shown)))


def every(n_slots: int, begun: tuple[int, ...], eligible: Mask) -> list[tuple[int, ...]]:
    """All slates that begin so and go on with what is eligible."""
    left = np.flatnonzero(eligible).tolist()
    return [begun + rest for rest in permutations(left, min(n_slots - len(begun), len(left)))]


@pytest.mark.parametrize("looks", LOOKS)
@pytest.mark.parametrize("start", [-5.0, 0.0, 5.0])
def test_no_slate_with_the_same_beginning_is_worth_more(looks: tuple[float, ...], start: float) -> None:
    for seed in range(20):
        known, dice = worths(looks, seed), np.random.default_rng([seed, 1])
        for n_chosen in range(len(looks)):
            order = dice.permutation(N_ACTIONS)
            chosen = tuple(order[:n_chosen].tolist())
            eligible = dice.random(N_ACTIONS) < 0.7
            eligible[order[-1]] = True
            eligible[list(chosen)] = False
            found = known.best(chosen, eligible, start)
            most = max(worth(known, slate) for slate in every(len(looks), chosen, eligible))
            assert found.slate[:n_chosen] == chosen
            assert all(eligible[list(found.slate[n_chosen:])])
            assert_allclose([found.level, worth(known, found.slate)], most, rtol=1e-12)


@pytest.mark.parametrize("looks", LOOKS)
def test_the_greatest_gain_of_each_slot_makes_the_best_slate(looks: tuple[float, ...]) -> None:
    for seed in range(40):
        known, eligible, chosen = worths(looks, seed), np.ones(N_ACTIONS, dtype=np.bool_), tuple[int, ...]()
        for number in range(len(looks)):
            level = known.best(chosen, eligible, 0.0).level
            left = np.flatnonzero(eligible)
            gains = known.placed(known.over(level)[eligible], number)
            chosen += (int(left[np.argmax(gains)]),)
            eligible[chosen[-1]] = False
        assert_allclose(worth(known, chosen), max(worth(known, slate) for slate in every(len(looks), (), EVERYTHING)))


def test_with_a_single_slot_left_the_best_ratio_is_the_level() -> None:
    for seed in range(20):
        known, eligible = worths((0.4, 0.8, 0.6), seed), np.array([False, True, True, False, True, True])
        assert_allclose(known.ratio((3, 0))[eligible].max(), known.best((3, 0), eligible, 1.0).level)


def test_what_belongs_into_later_slots_is_mirrored_at_what_belongs_here() -> None:
    gains = np.array([5.0, 1.0, 3.0, 2.0])
    assert Worths(gains, gains, 0.0, (0.1, 1.0, 0.5)).placed(gains, 0).tolist() == [-1.0, 1.0, 1.0, 2.0]
    assert Worths(gains, gains, 0.0, (0.1, 1.0, 0.5)).placed(gains, 1) is gains
    assert Worths(gains, gains, 0.0, (1.0, 1.0)).placed(gains, 0) is gains


def test_fewer_actions_than_slots() -> None:
    known = worths((0.3, 0.6, 1.0), 0)
    eligible = np.arange(N_ACTIONS) == 4
    assert known.best((1,), eligible, 0.0).slate == (1, 4)
    assert known.placed(np.array([2.0]), 0).tolist() == [2.0]
