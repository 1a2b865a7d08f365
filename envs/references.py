"""Choosers to compare with: random, myopic and well-informed ones of every world, and some that one world has.

In: a world, the truth of which they may know. Out: slates for all its users. ``slateloop parity`` plays whole episodes
with them (``envs/episodes.py``), ``slateloop simulate`` lets each live in the world that a policy is tried in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from envs.cluster_bandits import ClusterBandit, kl_ucb, thompson, ucb1
from envs.episodes import Chooser
from envs.interest_evolution import MEAN_QUALITY, InterestEvolution
from envs.long_term_satisfaction import LongTermSatisfaction
from envs.slate_space import top_slates
from envs.world import Indices, World, WorldError

W = TypeVar("W", bound=World)


def random(world: World, rng: np.random.Generator) -> Indices:
    """Any slate, all equally likely."""
    return top_slates(rng.random((world.n_users, world.n_candidates)), world.n_slots)


def myopic(world: World, rng: np.random.Generator) -> Indices:
    """The best slate for this step alone."""
    return world.myopic()


def informed(world: World, rng: np.random.Generator) -> Indices:
    """The world's reference."""
    return world.informed()


def best_topics(world: World, rng: np.random.Generator) -> Indices:
    """Interest evolution: documents of the topics with the greatest mean quality, whatever the user likes."""
    return top_slates(MEAN_QUALITY[_of(InterestEvolution, world).topics], world.n_slots)


def most_clickbait(world: World, rng: np.random.Generator) -> Indices:
    """Long-term satisfaction: always the most clickbait."""
    return top_slates(_of(LongTermSatisfaction, world).clickbait, world.n_slots)


def least_clickbait(world: World, rng: np.random.Generator) -> Indices:
    """Long-term satisfaction: always the least clickbait."""
    return top_slates(-_of(LongTermSatisfaction, world).clickbait, world.n_slots)


def choosers(world_name: str) -> Mapping[str, Chooser]:
    """The references of a world, fresh ones: some remember.

    Every world has ``random``, ``myopic`` and ``informed``. Interest evolution also has ``quality`` (best topics) and
    ``ratio`` (which is ``informed``); interest exploration ``greedy_pctr`` and ``oracle`` (which are ``myopic`` and
    ``informed``) and the cluster bandits ``ucb1``, ``kl_ucb`` and ``thompson``; long-term satisfaction
    ``most_clickbait`` and ``least_clickbait``.
    """
    everywhere: dict[str, Chooser] = {"random": random, "myopic": myopic, "informed": informed}
    match world_name:
        case "interest-evolution":
            return {**everywhere, "quality": best_topics, "ratio": informed}
        case "interest-exploration":
            bandits = {"ucb1": ucb1, "kl_ucb": kl_ucb, "thompson": thompson}
            learning = {name: ClusterBandit(score) for name, score in bandits.items()}
            return {**everywhere, "greedy_pctr": myopic, "oracle": informed, **learning}
        case "long-term-satisfaction":
            return {**everywhere, "most_clickbait": most_clickbait, "least_clickbait": least_clickbait}
        case _:
            return everywhere


def _of(kind: type[W], world: World) -> W:
    if not isinstance(world, kind):
        raise WorldError(f"world={world.name}: this policy is for {kind.name}")
    return world
