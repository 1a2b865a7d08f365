"""Slates are drawn as often as their propensities say.

Each test draws ``N_DRAWS`` = 4,000 slates of 2 slots from 4 actions with consecutive seeds, and compares the counts of
the 12 ordered pairs with N times the product of their propensities by Pearson's chi-squared. Pairs expected fewer than
5 times are pooled. A true policy falls below p = 1e-6 once in a million cases; the seeds are fixed, so the tests are
deterministic. At 11 degrees of freedom p = 1e-6 is a statistic of 49; a pair of probability 1/12 whose propensity is
wrong by two fifths adds 4000 / 12 * 0.16 = 53, and so does a floor of 0.3 logged where 0.1 was drawn (tested below).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy import stats

from policies import registry
from policies.base import Policy, Prepared
from policies.sampling import Rules, choose, propensities, uniform
from tests.contracts.policy_contract import rates
from tests.contracts.test_policies import CASES, REWARDS, name, snapshot
from tests.policies.offers import SLOTS, offer

N_DRAWS = 4000
LEAST_P = 1e-6
PAIRS = tuple(permutations(range(4), 2))


def p_value(expected: Sequence[float], counts: Sequence[int]) -> float:
    """Chi-squared over cells, those expected fewer than 5 times pooled into one."""
    wanted, found = np.array(expected), np.array(counts)
    assert found[wanted == 0.0].sum() == 0
    rare = wanted < 5.0
    wanted = np.append(wanted[~rare], wanted[rare].sum())
    found = np.append(found[~rare], found[rare].sum())
    kept = wanted > 1e-9
    if kept.sum() == 1:
        return 1.0
    return float(stats.chisquare(found[kept], wanted[kept] * found.sum() / wanted[kept].sum()).pvalue)


def drawn_p(prepared: Prepared, drawn: Rules, logged: Rules) -> float:
    """How well draws under one rule fit the propensities under another."""
    slots = SLOTS[:2]
    counts = Counter(choose(prepared, slots, seed, drawn).chosen for seed in range(N_DRAWS))
    expected = [N_DRAWS * float(propensities(prepared, slots, pair, logged).prod()) for pair in PAIRS]
    return p_value(expected, [counts[pair] for pair in PAIRS])


def made(kind: str, options: dict[str, Any]) -> Policy:
    """A policy after some lessons."""
    return registry.make_policy(kind, options, snapshot(kind, options), reward_range=REWARDS)


@pytest.mark.parametrize("case", CASES, ids=name)
@pytest.mark.parametrize("floor", [0.0, 0.2])
def test_drawn_frequency_matches_the_propensity(case: tuple[str, dict[str, Any]], floor: float) -> None:
    prepared = made(*case).prepare(*offer(4, 2, rates()))
    assert drawn_p(prepared, Rules(floor), Rules(floor)) > LEAST_P


def test_it_matches_where_slots_exclude_different_actions() -> None:
    masks = [np.array([True, True, True, False]), np.array([False, True, True, True])]
    prepared = made("vw", {"explorer": "softmax"}).prepare(*offer(4, 2, rates()))
    assert drawn_p(prepared, Rules(0.1, masks), Rules(0.1, masks)) > LEAST_P


def test_a_floor_that_is_logged_but_not_drawn_from_is_found_out() -> None:
    prepared = made("popularity", {}).prepare(*offer(4, 2, rates()))
    assert drawn_p(prepared, Rules(0.1), Rules(0.3)) < LEAST_P


def test_draws_are_uniform_and_independent_of_each_other() -> None:
    """2,000 seeds x 3 draws: each draw in 20 equal bins (df 19), each pair of draws in 5 x 5 (df 24)."""
    draws = np.array([[uniform(seed, n) for n in range(3)] for seed in range(2000)])
    for n in range(3):
        counts = np.histogram(draws[:, n], bins=20, range=(0.0, 1.0))[0]
        assert stats.chisquare(counts).pvalue > LEAST_P
        grid = np.histogram2d(draws[:, n], draws[:, (n + 1) % 3], bins=5, range=((0, 1), (0, 1)))[0]
        assert stats.chisquare(grid.ravel()).pvalue > LEAST_P
