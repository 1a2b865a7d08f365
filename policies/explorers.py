"""From what a model believes of each action to the probability of choosing it.

In: expected rewards and how sure they are, in a reward range of 1, of the actions that may be chosen. Out: a
distribution over them. Actions that are believed alike are as likely as each other.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from policies.ridge import Array

DIGITS = 9
"""Beliefs that agree to so many decimals agree: sums may round differently beside other actions."""


def frequencies(values: Array) -> Array:
    """How often each action is the best.

    Args:
        values: Shape (n_actions, n_draws); ties share a draw.

    Returns:
        Shape (n_actions,), sums to 1.
    """
    best = (values == np.maximum.reduce(values, axis=0)).astype(np.float64)
    shares: Array = best @ (1.0 / (values.shape[1] * np.add.reduce(best, axis=0)))
    return shares


def optimism(n_levels: int) -> Array:
    """Levels of optimism, equally likely: quantiles of a half-normal, shape (n_levels,).

    Source: Vaswani, Mehrabian, Durand, Kveton, Old Dog Learns New Tricks: Randomized UCB for Bandit Problems (AISTATS
    2020): the coupled form, in which all actions of a draw share one level.
    """
    normal = NormalDist()
    return np.array([normal.inv_cdf(0.5 + 0.5 * (i + 0.5) / n_levels) for i in range(n_levels)])


def greedy(expected: Array, epsilon: float) -> Array:
    """The best, and with ``epsilon`` any."""
    best = expected == expected.max()
    shares: Array = (1.0 - epsilon) * best / best.sum() + epsilon / len(expected)
    return shares


def softmax(expected: Array, sharpness: float) -> Array:
    """Proportional to exp(sharpness times expected reward)."""
    weights: Array = np.exp(sharpness * (expected - np.maximum.reduce(expected)))
    weights /= np.add.reduce(weights)
    return weights


def squarecb(expected: Array, gamma: float) -> Array:
    """Inverse to the gap to the best, which gets the rest.

    Source: Foster and Rakhlin, Beyond UCB: Optimal and Efficient Contextual Bandits with Regression Oracles, ICML
    2020.
    """
    gaps = expected.max() - expected
    shares: Array = 1.0 / (len(expected) + gamma * gaps)
    best = gaps == 0.0
    shares[best] = (1.0 - shares[~best].sum()) / best.sum()
    return shares
