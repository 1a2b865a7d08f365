"""Interest exploration: what a user likes is hidden and stays the same; finding out costs clicks.

In: slates of items with a topic and a quality. Out: at most one click. ``envs/slate_env.py`` makes an environment.

Equations, for types of users, topics of items, and log-normal distributions given by log-space mean and sd:

- a user is of type ``k`` with chance ``type_chances[k]``; affinity to topic ``t`` is
  ``g_t ~ LogNormal(affinity_means[k, t], 0.1)``, drawn once; all of it is hidden
- an item has topic ``t`` with chance ``topic_chances[t]`` and quality ``f ~ LogNormal(quality_means[t], 0.1)``; both
  are observed; candidates are drawn anew at each step
- a click on an item of the slate has the weight ``exp(g_t + f)``, no click ``exp(5)``; reward is the number of clicks

Nothing the user does changes anything, so the best slate now is the best for ever, and an episode has no end of its
own: it is *truncated* after ``max_steps`` (100).

Parameters and why. ``parity`` is RecSim 0.2.4's: two types (0.3, 0.7), two topics, each type prefers one. Topic 0 is
rare, of better quality and dear to the larger type, so showing it to everybody already reaches 98 % of what full
knowledge does, and there is next to nothing to explore. ``unequal`` (the option ``harder``) has eight types of unequal
size (each 0.8 of the one before) and eight topics. A type loves its own topic (``exp(1.3)``), likes the next
(``exp(0.9)``) and is cool to the others (``exp(-1)``). Topics of the larger types are made slightly better
(``exp(0.6)`` down to ``exp(0.25)``), which is what lures a policy that goes by the average. All topics are equally
frequent, so that a loved one is nearly always on offer.

``myopic`` is that policy: it knows the population but not the user, and takes the highest expected affinity plus
quality. ``informed`` knows the affinities of each user; as nothing changes, no policy is better.

Source: Ie et al. 2019, "RecSim: A Configurable Simulation Platform for Recommender Systems", arXiv:1909.04847.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from envs.choice import MultinomialLogit, pick
from envs.slate_space import top_slates
from envs.world import (
    Flags,
    Floats,
    Indices,
    Kpi,
    Observed,
    Offer,
    Reaction,
    Shape,
    Streams,
    World,
    check_flag,
    check_number,
)

AFFINITY_SD = 0.1
QUALITY_SD = 0.1
NO_CLICK_LOGIT = 5.0
N_STEPS = 100
QUALITY_SDS_SEEN = 10.0
"""Bound of the observed quality, in log-space standard deviations: one draw in 10²³ is beyond."""


@dataclass(frozen=True, slots=True)
class Population:
    """Who lives in a world and what is made for them.

    Attributes:
        type_chances: (n_types,), sum 1.
        affinity_means: (n_types, n_topics), log-space.
        topic_chances: (n_topics,), sum 1.
        quality_means: (n_topics,), log-space.
    """

    type_chances: Floats
    affinity_means: Floats
    topic_chances: Floats
    quality_means: Floats

    @property
    def expected_affinity(self) -> Floats:
        """(n_topics,): mean over types and users."""
        return np.asarray(self.type_chances @ np.exp(self.affinity_means + AFFINITY_SD**2 / 2.0))


def parity() -> Population:
    """RecSim's two types and two topics."""
    return Population(
        type_chances=np.array([0.3, 0.7]),
        affinity_means=np.array([[0.1, 0.7], [0.7, 0.1]]),
        topic_chances=np.array([0.2, 0.8]),
        quality_means=np.array([0.8, 0.2]),
    )


def unequal(n_types: int = 8) -> Population:
    """As many topics as types, of unequal size; each type has a topic of its own and likes the next."""
    sizes = 0.8 ** np.arange(n_types)
    own = np.eye(n_types)
    return Population(
        type_chances=sizes / sizes.sum(),
        affinity_means=-1.0 + 2.3 * own + 1.9 * np.roll(own, 1, axis=1),
        topic_chances=np.full(n_types, 1.0 / n_types),
        quality_means=np.linspace(0.6, 0.25, n_types),
    )


class InterestExploration(World):
    """Users of hidden types, who click by a multinomial logit.

    Attributes:
        population: Distributions behind users and items.
        types: (n_users,), hidden.
        affinities: (n_users, n_topics), hidden.
        topics: (n_users, n_candidates) of the present candidates.
        quality: (n_users, n_candidates) of the present candidates.
    """

    name: ClassVar[str] = "interest-exploration"
    recipe: ClassVar[Mapping[str, float]] = {"click": 1.0}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    kpi: ClassVar[Kpi] = Kpi("click rate", "click", "slate")

    def __init__(
        self,
        n_users: int,
        n_candidates: int = 10,
        n_slots: int = 2,
        *,
        harder: bool = False,
        max_steps: int = N_STEPS,
    ) -> None:
        """A world of so many places.

        Raises:
            WorldError: for sizes as in ``World``, or fewer than 1 step.
        """
        super().__init__(n_users, n_candidates, n_slots)
        check_flag("harder", harder)
        check_number("max_steps", max_steps, within="[1, inf)", whole=True)
        self.max_steps = max_steps
        self.population = unequal() if harder else parity()
        self.n_topics = len(self.population.topic_chances)
        self.types = np.zeros(n_users, dtype=np.intp)
        self.affinities = np.zeros((n_users, self.n_topics))
        self.topics = np.zeros((n_users, n_candidates), dtype=np.intp)
        self.quality = np.zeros((n_users, n_candidates))
        self._choice = MultinomialLogit(NO_CLICK_LOGIT)
        self._user_numbers = np.zeros(n_users, dtype=np.intp)
        self._n_begun = 0

    @property
    def shape(self) -> Shape:
        """Nothing of the user; quality and a one-hot topic of items; both again in the response."""
        nothing, n = np.empty(0), self.n_topics
        best = float(np.exp(self.population.quality_means.max() + QUALITY_SDS_SEEN * QUALITY_SD))
        item = (np.zeros(1 + n), np.append(best, np.ones(n)))
        return Shape((nothing, nothing), item, {"quality": (0.0, best), "topic": (0.0, n - 1.0)})

    def seed(self, streams: Streams) -> None:
        """See ``World``."""
        self._streams = streams
        self._n_begun = 0

    def begin(self, places: Flags) -> None:
        """See ``World``."""
        n_new = int(np.count_nonzero(places))
        dice, population = self._streams.users, self.population
        types = dice.choice(len(population.type_chances), n_new, p=population.type_chances)
        self.types[places] = types
        self.affinities[places] = dice.lognormal(population.affinity_means[types], AFFINITY_SD)
        self._user_numbers[places] = self._n_begun + np.arange(n_new)
        self._n_begun += n_new

    def offer(self) -> None:
        """See ``World``."""
        dice, population = self._streams.documents, self.population
        self.topics = dice.choice(self.n_topics, (self.n_users, self.n_candidates), p=population.topic_chances)
        self.quality = dice.lognormal(population.quality_means[self.topics], QUALITY_SD)

    def observe(self) -> tuple[Observed, Observed]:
        """See ``World``."""
        one_hot = np.eye(self.n_topics, dtype=np.float32)[self.topics]
        items = np.concatenate([self.quality[:, :, None].astype(np.float32), one_hot], axis=2)
        return np.empty((self.n_users, 0), dtype=np.float32), items

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """See ``World``; ``active`` changes nothing here."""
        topics = np.take_along_axis(self.topics, slates, axis=1)
        quality = np.take_along_axis(self.quality, slates, axis=1)
        scores = np.take_along_axis(self.affinities, topics, axis=1) + quality
        clicks, chances = pick(self._choice, scores, self._streams.choices)
        return Reaction(
            clicks=clicks,
            rewards=clicks.sum(axis=1).astype(np.float64),
            ended=np.zeros(self.n_users, dtype=np.bool_),
            click_chances=chances.clicks,
            no_click_chance=chances.nothing,
            response={"quality": quality, "topic": topics.astype(np.float64)},
        )

    def describe(self, place: int) -> Offer:
        """See ``World``; ids are the topic, and a number within it."""
        n_seen = [0] * self.n_topics
        actions: dict[str, dict[str, Any]] = {}
        for topic, quality in zip(self.topics[place].tolist(), self.quality[place].tolist(), strict=True):
            actions[f"topic{topic}-{n_seen[topic]}"] = {"topic": f"topic{topic}", "quality": quality}
            n_seen[topic] += 1
        user = f"u{self._user_numbers[place]}"
        return Offer(user, f"{user}-s0", {}, actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """See ``World``."""
        return [(0, slot, "click", 1.0) for slot in np.flatnonzero(reaction.clicks[place]).tolist()]

    def myopic(self) -> Indices:
        """Highest expected affinity plus quality, for a user of whom nothing is known."""
        return top_slates(self.population.expected_affinity[self.topics] + self.quality, self.n_slots)

    def informed(self) -> Indices:
        """Highest affinity plus quality: the most clicks at each step, and steps don't bear on each other."""
        return top_slates(np.take_along_axis(self.affinities, self.topics, axis=1) + self.quality, self.n_slots)
