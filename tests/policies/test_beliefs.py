"""Expected rewards, their deviations and draws against the one large normal distribution they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.beliefs import Believer, Draws
from policies.own_index import OwnIndex
from policies.ridge import Array, Moments, Posterior

K, D, IDS = 5, 3, ("a", "b", "never seen", "c")
OWN_PRECISION = 2.0


def posterior(*, own: bool = True) -> Posterior:
    dice, moments = np.random.default_rng(3), Moments()
    for number in range(60):
        z, x, reward = dice.normal(size=(1, K)), dice.normal(size=D), dice.random(1)
        moments.add(z, reward)
        if own:
            moments.add_own(number % 3, x, z[0], float(reward[0]))
    return moments.posterior(np.full(K, 1.5), OWN_PRECISION)


def believer(known: Posterior) -> Believer:
    return Believer(known, OwnIndex("abc" if len(known.own_mean) else ""), OWN_PRECISION, slot_at=[4])


def joint(known: Posterior, z: Array, x: Array) -> tuple[Array, Array]:
    """Mean and covariance of the four actions' expected rewards, in units of the noise, by brute force."""
    shared, own = known.root.T @ known.root, len(known.own_mean) > 0
    mean, rows, apart = np.zeros(4), z.copy(), np.zeros(4)
    for i, action in enumerate((0, 1, None, 2) if own else (None,) * 4):
        if action is not None:
            rows[i] -= known.own_map[action].T @ x
            mean[i] = x @ known.own_mean[action]
            apart[i] = x @ known.own_root[action].T @ known.own_root[action] @ x
        elif own:
            apart[i] = x @ x / OWN_PRECISION
    return mean + rows @ known.mean, rows @ shared @ rows.T + np.diag(apart)


@pytest.mark.parametrize("own", [True, False])
def test_expected_and_deviations(own: bool) -> None:
    known, dice = posterior(own=own), np.random.default_rng(4)
    z, x = dice.normal(size=(4, K)), dice.normal(size=D)
    z[:, 4] = 0.0
    mean, covariance = joint(known, z, x)
    found = believer(known).of(IDS, z, x)
    assert_allclose(found.expected, mean, atol=1e-12)
    assert_allclose(found.deviations[:, 1], np.sqrt(known.noise * np.diag(covariance)), atol=1e-12)
    z[:, 4] = 1.0
    in_slot = joint(known, z, x)[1]
    assert_allclose(found.deviations[:, 0], np.sqrt(known.noise * np.diag(in_slot)), atol=1e-12)


def test_beliefs_are_the_same_beside_more_actions_than_are_known() -> None:
    known, dice = believer(posterior()), np.random.default_rng(6)
    z, x = dice.normal(size=(12, K)), dice.normal(size=D)
    many = known.of(IDS * 3, z, x)
    for start in range(12):
        few = known.of([(IDS * 3)[start]], z[start : start + 1], x)
        assert_allclose(few.expected, many.expected[start : start + 1], atol=1e-12)
        assert_allclose(few.deviations, many.deviations[start : start + 1], atol=1e-12)


@pytest.mark.parametrize("own", [True, False])
def test_draws_are_the_joint_normal(own: bool) -> None:
    """20,000 draws: means are off by a standard error of 0.007 sds, covariances by 0.01; five of each are allowed."""
    known, dice = posterior(own=own), np.random.default_rng(5)
    z, x, width, n = dice.normal(size=(4, K)), dice.normal(size=D), 0.5, 20_000
    mean, covariance = joint(known, z, x)
    beliefs = believer(known).of(IDS, z, x)
    values = Draws(known, n=n, width=width, seed=[1, 2]).values(IDS, beliefs)
    spread = width * np.sqrt(known.noise * np.diag(covariance))
    assert_allclose((values.mean(axis=1) - mean) / spread, 0.0, atol=0.035)
    standard = (values - mean[:, None]) / spread[:, None]
    expected = covariance / np.sqrt(np.multiply.outer(np.diag(covariance), np.diag(covariance)))
    assert_allclose(np.cov(standard), expected, atol=0.05)


def test_draws_are_the_seeds_own() -> None:
    known = posterior()
    beliefs = believer(known).of(IDS, np.ones((4, K)), np.ones(D))
    first, again, other = (Draws(known, n=64, width=1.0, seed=[9, n]).values(IDS, beliefs) for n in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
