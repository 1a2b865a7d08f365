"""The sums and the posterior against closed forms on varying data, whatever the block or the number of rows."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from policies.base import PolicyError
from policies.ridge import NOISE_SCALE, NOISE_SHAPE, Array, Moments, Posterior

K, D, N_ACTIONS = 7, 4, 3


class Told:
    """Rows as told, and the one large design they amount to: shared columns, then a block for each action."""

    def __init__(self, n: int, *, seed: int = 0, forgetting: float = 1.0) -> None:
        dice = np.random.default_rng(seed)
        self.z, self.x = dice.normal(size=(n, K)) * np.linspace(0.1, 3, K), dice.normal(size=(n, D))
        self.action, self.reward = dice.integers(0, N_ACTIONS, n).tolist(), dice.random(n)
        self.weight = forgetting ** np.arange(n - 1, -1, -1.0)
        self.forgetting = forgetting

    def moments(self, *, own: bool = True) -> Moments:
        found = Moments(self.forgetting)
        for i in range(len(self.z)):
            self.tell(found, i, own=own)
        return found

    def tell(self, moments: Moments, i: int, *, own: bool = True) -> None:
        moments.age()
        moments.add(self.z[i : i + 1], self.reward[i : i + 1])
        if own:
            moments.add_own(self.action[i], self.x[i], self.z[i], float(self.reward[i]))

    def design(self) -> Array:
        found = np.zeros((len(self.z), K + N_ACTIONS * D))
        found[:, :K] = self.z
        for i, action in enumerate(self.action):
            found[i, K + D * action : K + D * (action + 1)] = self.x[i]
        return found


def closed_form(design: Array, reward: Array, weight: Array, precision: Array) -> tuple[Array, Array, float]:
    """Mean, covariance in units of the noise, and noise of a ridge regression, as in any textbook."""
    a = np.diag(precision) + (design * weight[:, None]).T @ design
    b = (design * weight[:, None]).T @ reward
    mean: Array = np.asarray(np.linalg.solve(a, b), dtype=np.float64)
    covariance: Array = np.asarray(np.linalg.inv(a), dtype=np.float64)
    residual = float((weight * reward**2).sum() - mean @ b)
    return mean, covariance, (NOISE_SCALE + residual / 2) / (NOISE_SHAPE + weight.sum() / 2)


def own_covariance(found: Posterior, action: int) -> Array:
    """Of one action's own weights, the shared ones integrated out."""
    bent: Array = found.own_map[action] @ found.root.T
    result: Array = found.own_root[action].T @ found.own_root[action] + bent @ bent.T
    return result


@pytest.mark.parametrize("forgetting", [1.0, 0.99, 0.9])
@pytest.mark.parametrize("n", [0, 1, 30, 47, 48, 49, 700])
def test_the_shared_posterior_is_the_closed_form(n: int, forgetting: float) -> None:
    told, precision = Told(n, forgetting=forgetting), np.linspace(0.5, 4, K)
    moments = told.moments(own=False)
    moments.add(np.zeros((0, K)), np.zeros(0))
    found = moments.posterior(precision, 1.0)
    mean, covariance, noise = closed_form(told.z, told.reward, told.weight, precision)
    assert_allclose(found.mean, mean, atol=1e-8)
    assert_allclose(found.root.T @ found.root, covariance, atol=1e-8)
    assert_allclose(found.noise, noise, atol=1e-8)


@pytest.mark.parametrize("forgetting", [1.0, 0.98])
@pytest.mark.parametrize("n", [5, 400])
def test_the_hybrid_posterior_is_the_closed_form_of_the_one_large_design(n: int, forgetting: float) -> None:
    told, precision = Told(n, seed=2, forgetting=forgetting), np.linspace(0.5, 4, K)
    found = told.moments().posterior(precision, 2.0)
    everything = np.concatenate([precision, np.full(N_ACTIONS * D, 2.0)])
    mean, covariance, noise = closed_form(told.design(), told.reward, told.weight, everything)
    assert_allclose(found.mean, mean[:K], atol=1e-8)
    assert_allclose(found.noise, noise, atol=1e-8)
    assert_allclose(found.root.T @ found.root, covariance[:K, :K], atol=1e-8)
    for action in range(found.own_mean.shape[0]):
        block = slice(K + D * action, K + D * (action + 1))
        assert_allclose(found.own_mean[action] - found.own_map[action] @ found.mean, mean[block], atol=1e-8)
        assert_allclose(own_covariance(found, action), covariance[block, block], atol=1e-8)


@pytest.mark.parametrize("own", [False, True])
def test_the_evidence_ranks_priors_as_the_students_density_of_the_rewards_does(own: bool) -> None:
    """The rewards' marginal is a multivariate Student's t; the constant left out cancels between two priors."""
    told = Told(40, seed=4)
    design = told.design() if own else told.z
    moments, found, exact = told.moments(own=own), [], []
    for shared, apart in ((1.0, 1.0), (5.0, 0.3), (0.2, 9.0)):
        found.append(moments.posterior(np.full(K, shared), apart).evidence)
        prior = np.concatenate([np.full(K, shared), np.full(design.shape[1] - K, apart)])
        shape = NOISE_SCALE / NOISE_SHAPE * (np.eye(40) + design / prior @ design.T)
        exact.append(stats.multivariate_t(np.zeros(40), shape, df=2 * NOISE_SHAPE).logpdf(told.reward))
    assert_allclose(np.diff(found), np.diff(exact), atol=1e-8)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("n", [0, 3, 400])
def test_the_evidence_alone_is_that_of_the_posterior(n: int, own: bool) -> None:
    moments = Told(n, seed=5, forgetting=0.99).moments(own=own)
    moments.add(np.zeros((0, K)), np.zeros(0))
    for shared, apart in ((1.0, 1.0), (50.0, 0.3), (0.2, 9.0)):
        precision = np.full(K, shared)
        found = moments.given(apart).evidence(precision)
        assert_allclose(found, moments.posterior(precision, apart).evidence, rtol=1e-10)


def test_a_million_rows_later_it_is_still_exact() -> None:
    """Against sums in extended precision, of features of very different sizes with a mean far from 0."""
    dice, n, per_lesson = np.random.default_rng(6), 1_000_000, 5
    z = dice.normal(size=(n, 4)) * [1.0, 1e-3, 30.0, 1.0] + [0.0, 0.0, 300.0, 5.0]
    reward = z @ [0.3, 20.0, 0.001, -0.1] + 0.1 * dice.normal(size=n)
    moments = Moments()
    for start in range(0, n, per_lesson):
        moments.add(z[start : start + per_lesson], reward[start : start + per_lesson])
    found = moments.posterior(np.ones(4), 1.0)
    exact = z.astype(np.longdouble)
    a = (exact.T @ exact + np.eye(4)).astype(np.float64)
    b = (exact.T @ reward.astype(np.longdouble)).astype(np.float64)
    assert_allclose(found.mean, np.linalg.solve(a, b), rtol=1e-8)
    assert_allclose(found.root.T @ found.root, np.linalg.inv(a), rtol=1e-8, atol=1e-18)


def test_forgetting_for_long_stays_exact_and_finite() -> None:
    """Weights are kept relative to a scale that is reset many times over 50,000 lessons."""
    told = Told(50_000, seed=7, forgetting=0.99)
    found = told.moments(own=False).posterior(np.ones(K), 1.0)
    last = slice(-5000, None)
    mean, covariance, noise = closed_form(told.z[last], told.reward[last], told.weight[last], np.ones(K))
    assert_allclose(found.mean, mean, atol=1e-8)
    assert_allclose(found.root.T @ found.root, covariance, atol=1e-8)
    assert_allclose(found.noise, noise, atol=1e-8)


def test_rows_may_grow() -> None:
    told = Told(90, seed=3)
    told.z[:50, 5:], told.x[:40, 3:] = 0.0, 0.0
    moments = Moments()
    for i in range(90):
        k, d = (5 if i < 50 else K), (3 if i < 40 else D)
        moments.add(told.z[i : i + 1, :k], told.reward[i : i + 1])
        moments.add_own(told.action[i], told.x[i, :d], told.z[i, :k], float(told.reward[i]))
    found, whole = moments.posterior(np.ones(K), 1.0), told.moments().posterior(np.ones(K), 1.0)
    assert_allclose(found.mean, whole.mean, atol=1e-10)
    assert_allclose(found.own_map, whole.own_map, atol=1e-10)


@pytest.mark.parametrize("place", [0, 1, 31, 48, 60])
def test_resumed_anywhere_it_goes_on_to_the_same_bytes(place: int) -> None:
    told, undisturbed = Told(120, forgetting=0.9), Moments(0.9)
    for i in range(place):
        told.tell(undisturbed, i)
    resumed = Moments.from_bytes(undisturbed.to_bytes())
    for i in range(place, 120):
        told.tell(undisturbed, i)
        told.tell(resumed, i)
    assert resumed.to_bytes() == undisturbed.to_bytes()


ELSEWHERE = """
import hashlib, numpy as np
from policies.ridge import Moments
moments, dice = Moments(), np.random.default_rng(1)
for _ in range(60):
    moments.add(dice.normal(size=(3, 300)), dice.random(3))
print(hashlib.sha256(moments.to_bytes()).hexdigest())
"""


def test_the_number_of_threads_changes_no_sum() -> None:
    """A learner may go on elsewhere; where there is one core only, this can't tell."""
    found = set()
    for n_threads in ("1", "4"):
        threads = {"OMP_NUM_THREADS": n_threads, "OPENBLAS_NUM_THREADS": n_threads}
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE], env=os.environ | threads, capture_output=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_asking_changes_nothing() -> None:
    moments = Told(60).moments()
    before = moments.to_bytes()
    moments.posterior(np.ones(K), 1.0)
    assert moments.to_bytes() == before


def test_own_weights_may_be_dropped() -> None:
    told = Told(60)
    moments = told.moments()
    moments.drop_own()
    assert_allclose(
        moments.posterior(np.ones(K), 1.0).mean, told.moments(own=False).posterior(np.ones(K), 1.0).mean, atol=1e-12
    )


def test_sums_that_rounding_made_singular_are_nudged() -> None:
    """Two columns that differ in the last digit, a prior far below what float64 can hold beside them."""
    z = np.random.default_rng(1).normal(size=(100, 1)) * [1e6, 1e6 * (1 + 1e-15)]
    moments = Moments()
    moments.add(z, z[:, 0] * 1e-6)
    found = moments.posterior(np.full(2, 1e-7), 1.0)
    assert_allclose(z @ found.mean, z[:, 0] * 1e-6, rtol=1e-3)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x95\x01\x02\x03\x04\x05"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="no moments"):
        Moments.from_bytes(data)
