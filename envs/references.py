"""How good is good: what random, myopic and well-informed policies reach in a world, computed, never typed in.

In: a preset, and the results of a policy under test, one per seed. Out: estimates of the references, and the result as
per cent of the way from random to informed, with a 95 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from envs.cluster_bandits import ClusterBandit, kl_ucb, thompson, ucb1
from envs.episodes import Chooser, Episodes, Estimate, Metric, run_episodes
from envs.interest_evolution import MEAN_QUALITY, InterestEvolution
from envs.long_term_satisfaction import LongTermSatisfaction
from envs.presets import make_world
from envs.slate_space import top_slates
from envs.student import t_quantile
from envs.world import Indices, World, WorldError

MOST_USERS = 500
Z_95 = 1.959963984540054

W = TypeVar("W", bound=World)


class Percent(NamedTuple):
    """A result between random (0) and informed (100), and the ends of its 95 % interval; NaN where unknown."""

    percent: float
    low: float
    high: float


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


def reference_returns(
    preset: str,
    *,
    n_episodes: int = 2000,
    seed: int = 0,
    metric: Metric = "return",
    policies: tuple[str, ...] = ("random", "myopic", "informed"),
) -> dict[str, Estimate]:
    """What the references of a preset reach; played once a process.

    Args:
        preset: Of ``envs.presets``, with its own sizes.
        n_episodes: Per policy.
        seed: All policies meet the same users, as far as the world's dice allow.
        metric: Of ``Episodes``; ``kpi`` for the world's own.
        policies: Names in ``choosers``.

    Raises:
        WorldError: if there is no such preset or policy.
    """
    return {name: _played(preset, name, n_episodes, seed).estimate(metric) for name in policies}


def percent_of_gap(values: Sequence[float], random: Estimate, informed: Estimate) -> Percent:
    """The mean of ``values``, one per seed, on the way from random (0) to informed (100).

    The interval combines the spread over seeds (Student's t) with the references' own errors (normal), each to first
    order; with one seed the spread is unknown and the ends are NaN.

    Raises:
        WorldError: without values, or if the informed reference isn't above random by more than its error.
    """
    if not values:
        raise WorldError("values=[] must hold at least one result")
    gap = informed.mean - random.mean
    if gap <= Z_95 * math.hypot(informed.se, random.se):
        raise WorldError(
            f"informed {informed.mean:.6g} isn't clearly above random {random.mean:.6g}: no gap to measure"
        )
    share = (float(np.mean(values)) - random.mean) / gap
    if len(values) == 1:
        return Percent(100.0 * share, math.nan, math.nan)
    half = t_quantile(0.975, len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    of_references = Z_95 * math.hypot((1.0 - share) * random.se, share * informed.se)
    margin = math.hypot(half, of_references) / gap
    return Percent(100.0 * share, 100.0 * (share - margin), 100.0 * (share + margin))


@cache
def _played(preset: str, policy: str, n_episodes: int, seed: int) -> Episodes:
    world = make_world(preset, num_envs=min(n_episodes, MOST_USERS))
    known = choosers(world.name)
    if policy not in known:
        raise WorldError(f"policy={policy!r} is no reference of {world.name}; there are {', '.join(known)}")
    return run_episodes(world, known[policy], n_episodes=n_episodes, seed=seed)


def _of(kind: type[W], world: World) -> W:
    if not isinstance(world, kind):
        raise WorldError(f"world={world.name}: this policy is for {kind.name}")
    return world
