"""Long-term satisfaction: clickbait pays now and costs later.

In: slates of items that differ in one thing, how much clickbait they are. Out: engagement. ``envs/slate_env.py`` makes
an environment of it.

Equations, for a user who has consumed an item of clickbait ``c`` in [0, 1]; ``n`` is the hidden net positive exposure:

- ``n_0 = (Uniform(0, 1) - 0.5) / (1 - 0.7)``
- satisfaction ``S = sigmoid(sensitivity · n)``, hidden
- engagement ``exp(Normal((5 c + 4 (1 - c)) · S, 1))``; this is the reward. The response shows it cut to [0, 100]
- ``n ← 0.7 n - 2 (c - 0.5) + Normal(0, 0.05)``
- candidates: ``c ~ Uniform(0, 1)``, drawn anew at each step, observed. The user always takes slot 0

An episode lasts exactly 60 steps. It is the user's budget of time that is used up, a part of the world, so the episode
is *terminated*, not truncated; nothing is worth anything after it.

Engagement has no greatest value. ``reward_range`` ends at 100, where RecSim cuts what is observed, so that a learner's
costs stay in proportion; the few rewards beyond it (about 1 in 100 with random slates) are clipped by learners.

Parameters and why: all are those of RecSim 0.2.4, where the world comes from. With its sensitivity of 0.01 there is no
conflict between now and later: the most clickbait is best at any horizon (that is parity). From about 0.071 on the
order flips, and with 0.3, the harder preset, the greedy choice is the worst one.

The user shows nothing (an empty vector), so a policy without memory can learn only what is best on average. The
reference, ``informed``, knows the exposure and the steps left: ``envs/satisfaction_plan.py``.

Source: Ie et al. 2019, "RecSim: A Configurable Simulation Platform for Recommender Systems", arXiv:1909.04847; its code
has the sign of ``c`` in the exposure as here (its docstring has not).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np

from envs.satisfaction_plan import Plan
from envs.slate_space import top_slates
from envs.world import Flags, Floats, Indices, Kpi, Observed, Offer, Reaction, Shape, Streams, World, check_number

MEMORY = 0.7
INNOVATION_SD = 0.05
MEAN_OF_CLICKBAIT = 5.0
MEAN_OF_SUBSTANCE = 4.0
ENGAGEMENT_SD = 1.0
N_STEPS = 60
MOST_OBSERVED = 100.0
N_BANDS = 10


def satisfaction(exposure: Floats, sensitivity: float) -> Floats:
    """Satisfaction in (0, 1) of users with this net positive exposure, any shape."""
    return np.asarray(1.0 / (1.0 + np.exp(-sensitivity * exposure)))


def engagement(clickbait: Floats, satisfied: Floats, noise: Floats) -> Floats:
    """Engagement with items of this clickbait; ``noise`` is standard normal, any shape that broadcasts."""
    mean = MEAN_OF_CLICKBAIT * clickbait + MEAN_OF_SUBSTANCE * (1.0 - clickbait)
    return np.asarray(np.exp(mean * satisfied + ENGAGEMENT_SD * noise))


def expected_engagement(clickbait: Floats, satisfied: Floats) -> Floats:
    """The mean of ``engagement`` over the noise (of a log-normal distribution)."""
    return engagement(clickbait, satisfied, np.asarray(ENGAGEMENT_SD / 2.0))


def next_exposure(exposure: Floats, clickbait: Floats, noise: Floats) -> Floats:
    """Exposure after an item of this clickbait; ``noise`` is standard normal, any shape that broadcasts."""
    return MEMORY * exposure - 2.0 * (clickbait - 0.5) + INNOVATION_SD * noise


class LongTermSatisfaction(World):
    """Users whose satisfaction wears off with clickbait and grows with substance.

    Attributes:
        clickbait: (n_users, n_candidates) of the present candidates, in [0, 1).
        exposure: (n_users,), hidden.
        steps_left: (n_users,), hidden.
        sensitivity: How much exposure moves satisfaction.
    """

    name: ClassVar[str] = "long-term-satisfaction"
    recipe: ClassVar[Mapping[str, float]] = {"engagement": 1.0}
    reward_range: ClassVar[tuple[float, float]] = (0.0, MOST_OBSERVED)
    kpi: ClassVar[Kpi] = Kpi("engagement per session", "engagement", "episode")

    def __init__(self, n_users: int, n_candidates: int = 10, n_slots: int = 1, *, sensitivity: float = 0.01) -> None:
        """A world of so many places.

        Raises:
            WorldError: for sizes as in ``World``, or a sensitivity that is no finite number of at least 0.
        """
        super().__init__(n_users, n_candidates, n_slots)
        check_number("sensitivity", sensitivity, within="[0, inf)")
        self.sensitivity = sensitivity
        self.exposure = np.zeros(n_users)
        self.steps_left = np.zeros(n_users, dtype=np.intp)
        self.clickbait = np.zeros((n_users, n_candidates))
        self._user_numbers = np.zeros(n_users, dtype=np.intp)
        self._n_begun = 0

    @property
    def shape(self) -> Shape:
        """Nothing of the user; the clickbait of items; engagement, cut."""
        nothing = np.empty(0)
        return Shape((nothing, nothing), (np.zeros(1), np.ones(1)), {"engagement": (0.0, MOST_OBSERVED)})

    def seed(self, streams: Streams) -> None:
        """See ``World``."""
        self._streams = streams
        self._n_begun = 0

    def begin(self, places: Flags) -> None:
        """See ``World``."""
        n_new = int(places.sum())
        self.exposure[places] = (self._streams.users.random(n_new) - 0.5) / (1.0 - MEMORY)
        self.steps_left[places] = N_STEPS
        self._user_numbers[places] = self._n_begun + np.arange(n_new)
        self._n_begun += n_new

    def offer(self) -> None:
        """See ``World``."""
        self.clickbait = self._streams.documents.random((self.n_users, self.n_candidates))

    def observe(self) -> tuple[Observed, Observed]:
        """See ``World``."""
        return np.empty((self.n_users, 0), dtype=np.float32), self.clickbait[:, :, None].astype(np.float32)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """See ``World``; ``active`` changes nothing here."""
        taken = np.take_along_axis(self.clickbait, slates[:, :1], axis=1)[:, 0]
        amount = engagement(taken, self.satisfaction(), self._streams.choices.standard_normal(self.n_users))
        noise = self._streams.dynamics.standard_normal(self.n_users)
        self.exposure = next_exposure(self.exposure, taken, noise)
        self.steps_left -= 1
        clicks = np.zeros(slates.shape, dtype=np.bool_)
        clicks[:, 0] = True
        return Reaction(
            clicks=clicks,
            rewards=amount,
            ended=self.steps_left <= 0,
            click_chances=clicks.astype(np.float64),
            no_click_chance=np.zeros(self.n_users),
            response={"engagement": np.where(clicks, np.minimum(amount, MOST_OBSERVED)[:, None], 0.0)},
        )

    def satisfaction(self) -> Floats:
        """(n_users,) in (0, 1); hidden."""
        return satisfaction(self.exposure, self.sensitivity)

    def describe(self, place: int) -> Offer:
        """See ``World``; ids are the tenth of the clickbait scale, and a number within it."""
        n_seen = [0] * N_BANDS
        actions = {}
        for clickbait in self.clickbait[place].tolist():
            band = int(clickbait * N_BANDS)
            actions[f"band{band}-{n_seen[band]}"] = {"clickbait": clickbait}
            n_seen[band] += 1
        user = f"u{self._user_numbers[place]}"
        return Offer(user, f"{user}-s0", {}, actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """See ``World``; engagement as it was, not cut."""
        return [(0, 0, "engagement", float(reaction.rewards[place]))]

    def myopic(self) -> Indices:
        """The most expected engagement now, which is the most clickbait."""
        return top_slates(expected_engagement(self.clickbait, self.satisfaction()[:, None]), self.n_slots)

    def informed(self) -> Indices:
        """The most expected engagement over the steps left, for the exposure as it is."""
        ahead = next_exposure(self.exposure[:, None], self.clickbait, np.zeros(1))
        now = expected_engagement(self.clickbait, self.satisfaction()[:, None])
        return top_slates(now + self._plan.worth(ahead, self.steps_left - 1), self.n_slots)

    @cached_property
    def _plan(self) -> Plan:
        def gain(exposure: Floats, clickbait: Floats) -> Floats:
            return expected_engagement(clickbait, satisfaction(exposure, self.sensitivity))

        def move(exposure: Floats, clickbait: Floats) -> Floats:
            return next_exposure(exposure, clickbait, np.zeros(1))

        return Plan.made(gain, move, n_steps=N_STEPS, n_candidates=self.n_candidates)
