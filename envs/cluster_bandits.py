"""Bandits over topics, one per user: what can be learned of a hidden taste from a user's own clicks.

In: impressions and clicks of each user by topic. Out: slates of the topic with the highest score, best quality first,
filled up from the next topic. They are references for ``interest_exploration``, as RecSim's cluster bandits are.

Sources: Ie et al. 2019, arXiv:1909.04847 (the agents); Auer, Cesa-Bianchi and Fischer 2002, "Finite-time Analysis of
the Multiarmed Bandit Problem" (UCB1); Garivier and Cappé 2011, "The KL-UCB Algorithm for Bounded Stochastic Bandits and
Beyond"; Agrawal and Goyal 2013, "Further Optimal Regret Bounds for Thompson Sampling".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from envs.interest_exploration import InterestExploration
from envs.world import Flags, Floats, Indices, Reaction, World, WorldError

N_BISECTIONS = 16

Score = Callable[[Floats, Floats, np.random.Generator], Floats]
"""Impressions and clicks, (n_users, n_topics), all impressions above 0 → score of each topic."""


def ucb1(shown: Floats, clicked: Floats, rng: np.random.Generator) -> Floats:
    """Click rate plus ``sqrt(2 ln t / shown)``, where ``t`` is the user's impressions of all topics."""
    t = shown.sum(axis=1, keepdims=True)
    return np.asarray(clicked / shown + np.sqrt(2.0 * np.log(t) / shown))


def kl_ucb(shown: Floats, clicked: Floats, rng: np.random.Generator) -> Floats:
    """The greatest click rate ``q`` with ``shown · KL(clicked / shown, q) < ln t + 3 ln ln t``, by bisection."""
    t = shown.sum(axis=1, keepdims=True)
    radius = (np.log(t) + 3.0 * np.log(np.log(t))) / shown
    rate = clicked / shown
    low, high = rate.copy(), np.ones_like(rate)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2.0
        near = _divergence(rate, middle) < radius
        low, high = np.where(near, middle, low), np.where(near, high, middle)
    return middle


def thompson(shown: Floats, clicked: Floats, rng: np.random.Generator) -> Floats:
    """A draw of each topic's click rate from its posterior, uniform prior."""
    return np.asarray(rng.beta(1.0 + clicked, 1.0 + shown - clicked))


class ClusterBandit:
    """An attentive chooser: counts each user's impressions and clicks by topic; topics never shown come first."""

    def __init__(self, score: Score) -> None:
        """A bandit that ranks topics by this score."""
        self._score = score

    def begin(self, world: World, places: Flags) -> None:
        """Nothing is known of who sits here now."""
        n_topics = _topical(world).n_topics
        if places.all():
            self._shown = np.zeros((world.n_users, n_topics))
            self._clicked = np.zeros((world.n_users, n_topics))
        self._shown[places] = 0.0
        self._clicked[places] = 0.0

    def __call__(self, world: World, rng: np.random.Generator) -> Indices:
        """Slates by rank of topic, then by quality."""
        found = _topical(world)
        best_first = np.argsort(self._scores(rng), axis=1, kind="stable")[:, ::-1]
        rank = np.argsort(best_first, axis=1)
        order = np.lexsort((-found.quality, np.take_along_axis(rank, found.topics, axis=1)), axis=1)
        return order[:, : world.n_slots]

    def watch(self, world: World, slates: Indices, reaction: Reaction) -> None:
        """Count impressions and clicks."""
        topics = np.take_along_axis(_topical(world).topics, slates, axis=1)
        rows = np.arange(world.n_users)[:, None]
        np.add.at(self._shown, (rows, topics), 1.0)
        np.add.at(self._clicked, (rows, topics), reaction.clicks.astype(np.float64))

    def _scores(self, rng: np.random.Generator) -> Floats:
        untried = (self._shown == 0.0).any(axis=1)
        scores = self._score(np.maximum(self._shown, 1.0), self._clicked, rng)
        return np.where(untried[:, None], -self._shown, scores)


def _topical(world: World) -> InterestExploration:
    if not isinstance(world, InterestExploration):
        raise WorldError(f"world={world.name} hides topic or quality from a cluster bandit; take interest-exploration")
    return world


def _divergence(p: Floats, q: Floats) -> Floats:
    """Kullback–Leibler divergence of two coins, elementwise, for q in (0, 1)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        heads = np.where(p > 0.0, p * np.log(p / q), 0.0)
        tails = np.where(p < 1.0, (1.0 - p) * np.log((1.0 - p) / (1.0 - q)), 0.0)
    return np.asarray(heads + tails)
