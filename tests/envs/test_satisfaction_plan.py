from __future__ import annotations

import numpy as np

from envs.satisfaction_plan import Plan
from envs.world import Floats


def linear(exposure: Floats, clickbait: Floats) -> Floats:
    return np.asarray(3.0 * clickbait + 0.0 * exposure)


def grows(exposure: Floats, clickbait: Floats) -> Floats:
    return np.asarray(exposure + 0.0 * clickbait)


def stays(exposure: Floats, clickbait: Floats) -> Floats:
    return np.asarray(exposure + 0.0 * clickbait)


def falls_with_clickbait(exposure: Floats, clickbait: Floats) -> Floats:
    return np.asarray(exposure - 0.5 * clickbait)


def test_each_step_earns_the_most_of_uniform_draws() -> None:
    """The expected maximum of n uniform draws is n / (n + 1); the quantile grid is within 1 %."""
    for n in (1, 2, 10):
        plan = Plan.made(linear, stays, n_steps=4, n_candidates=n)
        np.testing.assert_allclose(plan.values[:, 40], 3.0 * np.arange(5) * n / (n + 1), rtol=0.01)


def test_it_gives_up_reward_now_for_more_later() -> None:
    """Reward is the exposure alone, which clickbait lowers by c / 2: with two steps left the least is taken.

    The least of 2 uniform draws is 1 / 3 on average, so V_2(n) = n + (n − 1 / 6).
    """
    plan = Plan.made(grows, falls_with_clickbait, n_steps=2, n_candidates=2)
    middle = np.abs(plan.exposures) < 3
    np.testing.assert_allclose(plan.values[1][middle], plan.exposures[middle])
    np.testing.assert_allclose(plan.values[2][middle], 2 * plan.exposures[middle] - 1 / 6, atol=0.005)


def test_worth_is_read_between_the_points_of_the_table() -> None:
    plan = Plan(np.linspace(-4.0, 4.0, 81), np.stack([np.zeros(81), np.linspace(-4.0, 4.0, 81) ** 2]))
    found = plan.worth(np.array([[0.0, 1.05, 9.0], [0.0, 1.05, -9.0]]), np.array([1, 0]))
    np.testing.assert_allclose(found, [[0.0, (1.0 + 1.21) / 2, 16.0], [0.0, 0.0, 0.0]], atol=1e-12)
