"""Interest evolution: what a user watches today changes what the user likes tomorrow, and how long the session lasts.

In: slates of documents. Out: at most one click (or several, if the choice model is swapped), four minutes watched for
each, interests that move, and a hidden time budget that runs down, slower for good documents.

Source: RecSim 0.2.4's ``interest_evolution`` (Ie et al. 2019, "SlateQ: A Tractable Decomposition for Reinforcement
Learning with Recommendation Sets"), equations and order of updates as there:

- Documents: topic z uniform over 20, observed as a one-hot; quality q ~ Normal(μ_z, 0.1), where μ rises from −3 to 0
  over the first 14 topics and from 0 to 3 over the last 6. A fresh offer each step.
- Users: interest u_t ~ Uniform(−1, 1) in each topic, observed; time budget b = 200, hidden.
- Choice: multinomial proportional with weights u_z + 1, and 2 for no click.
- A click on a document of topic z: watch time w = min(b, 4), the reward; then δ = 0.3 (1 − |u_z|) (1 − u_z), and
  u_z ← u_z + δ with chance (u_z + 1) / 2, else u_z − δ, which stays in [−1, 1]; then b ← b − w + κ w q, κ = 0.9 / 3.4.
- No click: b ← b − 0.5. The session ends when b ≤ 0.

Differences: the response has no ``liked`` (it is always 0 there); users, documents, choices and interests have dice of
their own; observations are copies. Options: ``visible_budget`` adds the budget, as a fraction of the first one, to what
is observed of a user; ``choice`` swaps the choice model; ``budget_price`` is a number of the reference policy alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.choice import (
    Cascade,
    ChoiceModel,
    DependentClick,
    MultinomialLogit,
    MultinomialProportional,
    PositionBased,
    Proportional,
    exponential_cascade,
    pick,
)
from envs.interest_plan import best_slates, solved_price
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
    WorldError,
    check_flag,
    check_number,
)

N_TOPICS = 20
N_POOR_TOPICS = 14
MEAN_QUALITY: Floats = np.concatenate([np.linspace(-3.0, 0.0, N_POOR_TOPICS), np.linspace(0.0, 3.0, 6)])
QUALITY_SD = 0.1
LENGTH = 4.0
BUDGET = 200.0
NO_CLICK_COST = 0.5
RETURNED = 0.9 / 3.4
STEP = 0.3
QUALITY_BOUND = 4.0
"""Ten standard deviations beyond the best topic's mean: further than a generator reaches."""
N_TRIALS = 200
"""Users whose sessions are tried when the price of budget is solved."""

CHOICES: Mapping[str, ChoiceModel] = {
    "multinomial-proportional": MultinomialProportional(min_normalizer=-1.0, no_click_mass=1.0),
    "multinomial-logit": MultinomialLogit(no_click_mass=1.0),
    "exponential-cascade": exponential_cascade(score_scaling=0.3),
    "proportional-cascade": Cascade(Proportional(score_scaling=0.25, min_normalizer=-1.0)),
    "position-based": PositionBased(Proportional(score_scaling=0.25, min_normalizer=-1.0)),
    "dependent-click": DependentClick(Proportional(score_scaling=0.25, min_normalizer=-1.0)),
}
"""Choice models by name, for scores (interests) in [−1, 1]: the first as in the source; the others scaled so that a
click is about as likely, on a document that is looked at, and never certain."""


class InterestEvolution(World):
    """See the module."""

    name = "interest-evolution"
    recipe: ClassVar[Mapping[str, float]] = {"watch_time": 1.0}
    reward_range = (0.0, LENGTH)
    kpi = Kpi("watch time", "watch_time", "episode")

    def __init__(
        self,
        n_users: int,
        n_candidates: int = 10,
        n_slots: int = 2,
        *,
        visible_budget: bool = False,
        choice: str | ChoiceModel = "multinomial-proportional",
        budget_price: float | None = None,
    ) -> None:
        """A world of so many places.

        Args:
            n_users: Users at once.
            n_candidates: Documents offered at each step.
            n_slots: Documents shown.
            visible_budget: Whether the time budget is observed.
            choice: A name in ``CHOICES``, or any choice model for scores in [−1, 1].
            budget_price: What the reference policy takes one unit of budget to be worth, in watch time; None: solved
                when the reference is first asked for.

        Raises:
            WorldError: if a size, the choice or the price can't be.
        """
        super().__init__(n_users, n_candidates, n_slots)
        check_flag("visible_budget", visible_budget)
        if budget_price is not None:
            check_number("budget_price", budget_price, within="[0, inf)")
        self.visible_budget, self.choice, self.budget_price = visible_budget, _choice(choice), budget_price
        rows = np.arange(n_users)[:, np.newaxis]
        self._first_document: Indices = rows * n_candidates
        self._first_interest: Indices = rows * N_TOPICS
        self._one_hot = np.eye(N_TOPICS, dtype=np.float32)

    @property
    def shape(self) -> Shape:
        """Interests in each topic (and the budget as a fraction); documents as one-hots; and the response."""
        n = N_TOPICS
        low, high = np.full(n, -1.0), np.ones(n)
        user = (np.append(low, 0.0), np.append(high, 1.0)) if self.visible_budget else (low, high)
        response = {
            "watch_time": (0.0, LENGTH),
            "quality": (-QUALITY_BOUND, QUALITY_BOUND),
            "topic": (0.0, N_TOPICS - 1.0),
        }
        return Shape(user, (np.zeros(n), np.ones(n)), response)

    def seed(self, streams: Streams) -> None:
        """Begin anew."""
        self._dice = streams
        self.interest: Floats = np.zeros((self.n_users, N_TOPICS))
        self.budget: Floats = np.zeros(self.n_users)
        self._user_numbers: NDArray[np.int64] = np.zeros(self.n_users, dtype=np.int64)
        self._n_begun = 0

    def begin(self, places: Flags) -> None:
        """New interests, a full budget."""
        n_new = int(np.count_nonzero(places))
        self.interest[places] = self._dice.users.uniform(-1.0, 1.0, (n_new, N_TOPICS))
        self.budget[places] = BUDGET
        self._user_numbers[places] = np.arange(self._n_begun, self._n_begun + n_new)
        self._n_begun += n_new

    def offer(self) -> None:
        """Fresh documents for everyone: ``topics`` and ``quality``, both (n_users, n_candidates)."""
        sizes = (self.n_users, self.n_candidates)
        self.topics: Indices = (self._dice.documents.random(sizes) * N_TOPICS).astype(np.intp)
        self.quality: Floats = self._dice.documents.standard_normal(sizes) * QUALITY_SD + MEAN_QUALITY.take(self.topics)

    def observe(self) -> tuple[Observed, Observed]:
        """Interests and one-hots."""
        return self._observed_users(), self._one_hot.take(self.topics, axis=0)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """Choice, watch time, interests, budget, end; in this order."""
        shown = self._first_document + slates
        topics, quality = self.topics.take(shown), self.quality.take(shown)
        interests = self._first_interest + topics
        clicks, chances = pick(self.choice, self.interest.take(interests), self._dice.choices)
        watched = np.zeros(clicks.shape)
        for clicked in self._in_turn(clicks):
            if clicked.size:
                users = clicked // self.n_slots
                watched.reshape(-1)[clicked] = self._watch(users, interests.take(clicked), quality.take(clicked))
        self.budget -= NO_CLICK_COST * ~np.logical_or.reduce(clicks, axis=1)
        return Reaction(
            clicks=clicks,
            rewards=np.add.reduce(watched, axis=1),
            ended=self.budget <= 0.0,
            click_chances=chances.clicks,
            no_click_chance=chances.nothing,
            response={"watch_time": watched, "quality": quality, "topic": topics.astype(np.float64)},
        )

    def describe(self, place: int) -> Offer:
        """Interests to six digits; documents by topic and how many of that topic came before them in the offer."""
        user = self.interest[place].tolist()
        context: dict[str, Any] = {"interest": {f"t{topic}": round(liking, 6) for topic, liking in enumerate(user)}}
        if self.visible_budget:
            context["budget"] = round(float(self._budget_left()[place]), 6)
        number = int(self._user_numbers[place])
        return Offer(f"u{number}", f"u{number}-1", context, _documents(self.topics[place].tolist()))

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """Watch time of each click."""
        slots = np.flatnonzero(reaction.clicks[place]).tolist()
        watched = reaction.response["watch_time"][place]
        return [(0, slot, "watch_time", float(watched[slot])) for slot in slots]

    def myopic(self) -> Indices:
        """The most likely clicks: every click is worth the same now."""
        return top_slates(self._liking(), self.n_slots)

    def informed(self) -> Indices:
        """The ratio policy: reward less the price of the budget it uses, greatest in expectation.

        It knows interests, the choice model and the topics' mean quality; it ignores that interests move, so it is a
        strong reference, not an upper bound.
        """
        if self.budget_price is None:
            self.budget_price = solved_price(self._at_price, BUDGET)
        worth = LENGTH - self.budget_price * LENGTH * (1.0 - RETURNED * MEAN_QUALITY[self.topics])
        nothing = -NO_CLICK_COST * self.budget_price
        return best_slates(self.choice, self._liking(), worth, nothing=nothing, n_slots=self.n_slots)

    def _liking(self) -> Floats:
        return self.interest.take(self._first_interest + self.topics)

    def _budget_left(self) -> Floats:
        return np.clip(self.budget / BUDGET, 0.0, 1.0)

    def _observed_users(self) -> Observed:
        if not self.visible_budget:
            return self.interest.astype(np.float32)
        return np.column_stack([self.interest, self._budget_left()]).astype(np.float32)

    def _in_turn(self, clicks: Flags) -> Iterable[Indices]:
        """Clicks as indices into all slots of all users, in turns without two of one user; a user's in slot order."""
        clicked = clicks.ravel().nonzero()[0]
        if not self.choice.several:
            return (clicked,)
        return [clicked[clicked % self.n_slots == slot] for slot in range(self.n_slots)]

    def _watch(self, users: Indices, interests: Indices, quality: Floats) -> Floats:
        """One document each, in whose topic ``interests`` finds the user's interest; how long it was watched.

        Interests need no clipping: a step is at most 0.6 of the way to either end.
        """
        budget = self.budget.take(users)
        watched = np.minimum(budget, LENGTH)
        liking = self.interest.take(interests)
        step = STEP * (1.0 - np.abs(liking)) * (1.0 - liking)
        rises = 2.0 * self._dice.dynamics.random(len(users)) < liking + 1.0
        self.interest.reshape(-1)[interests] = liking + np.where(rises, step, -step)
        self.budget[users] = budget - watched + RETURNED * watched * quality
        return watched

    def _at_price(self, price: float) -> InterestEvolution:
        return InterestEvolution(N_TRIALS, self.n_candidates, self.n_slots, choice=self.choice, budget_price=price)


def _documents(topics: list[int]) -> dict[str, dict[str, Any]]:
    seen: dict[int, int] = {}
    documents: dict[str, dict[str, Any]] = {}
    for topic in topics:
        number = seen.get(topic, 0)
        seen[topic] = number + 1
        documents[f"t{topic}-{number}"] = {"topic": f"t{topic}"}
    return documents


def _choice(choice: str | ChoiceModel) -> ChoiceModel:
    if isinstance(choice, str) and choice in CHOICES:
        return CHOICES[choice]
    if isinstance(choice, str) or not isinstance(choice, ChoiceModel):
        raise WorldError(f"choice={choice!r} doesn't exist; there are {', '.join(CHOICES)}, or give a choice model")
    return choice
