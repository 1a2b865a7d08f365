"""Priors follow the evidence, and no further."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import PolicyError
from policies.encoder import ACTION, CONTEXT, GROUPS
from policies.priors import GREATEST, LEAST, START, Priors
from policies.ridge import Moments

CODES = np.array([0] + [CONTEXT] * 10 + [ACTION] * 10, dtype=np.int8)


def told(n: int) -> Moments:
    """Context coordinates say nothing, action coordinates say much."""
    dice = np.random.default_rng(1)
    z = np.concatenate([np.ones((n, 1)), dice.normal(size=(n, 20))], axis=1)
    moments = Moments()
    moments.add(z, 0.5 + z[:, 11:] @ dice.normal(size=10) + 0.3 * dice.normal(size=n))
    return moments


def test_what_says_nothing_is_drawn_to_0_and_what_says_much_is_let_go() -> None:
    found, moments = Priors(), told(1000)
    for _ in range(5):
        found = found.improved(moments, CODES)
    assert found.precisions[CONTEXT] > 5 * START[CONTEXT]
    assert found.precisions[ACTION] < START[ACTION]
    assert found.precisions[0] == START[0]
    assert all(LEAST <= value <= GREATEST for value in found.precisions)
    assert found.posterior(moments, CODES).evidence > Priors().posterior(moments, CODES).evidence


def test_a_handful_of_lessons_moves_little() -> None:
    found = Priors().improved(told(6), CODES)
    assert all(1 / 10 < now / start < 10 for now, start in zip(found.precisions, START, strict=True))


def test_groups_that_are_not_there_stay() -> None:
    found = Priors().improved(told(1000), CODES)
    assert found.precisions[ACTION + 1 :] == START[ACTION + 1 :]


def test_fixed_ones_are_the_same_for_all_but_the_mean() -> None:
    found = Priors.fixed(7.0)
    assert_array_equal(found.shared(CODES), [START[0], *[7.0] * 20])
    assert found.own == 7.0


def test_the_number_is_checked() -> None:
    with pytest.raises(PolicyError, match=f"{len(GROUPS) + 1} are needed"):
        Priors((1.0, 2.0))
