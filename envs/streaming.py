"""The streaming world: viewers' lives with a video service, session after session, until they come back no more.

In: slates of titles. Out: what was picked, the minutes watched, and who was lost. KPI: engagement time, minutes watched
in a viewer's life. An episode is that life: some 10 to 60 slates in some 3 to 7 sessions, cut at ``max_steps``.

**Picking.** With z the liking of the title's genre by this viewer at this time of day, a its appeal to everyone, t its
teaser (less the mean), f the viewer's fatigue of the genre, n its freshness and d how its length suits the device
(all explained in ``streaming_titles.py`` and ``streaming_viewers.py``), one title or nothing is picked with
probabilities proportional to exp of

    slot k:   1.2 z + 1.05 a + 2.0 t − 0.9 f + 0.8 n + 0.5 d − position_bias · k        nothing:   3.4

**Watching.** A picked title of length L holds its viewer for L · σ(−0.2 + 0.65 z + 0.32 a + 1.4 t − 0.5 f) minutes on
average; the watch lies evenly within 80 % of the room on either side of that. Reward: minutes / 60.

**Satisfaction** g = tanh(−0.42 + 0.4 z + 0.22 a − 2.6 t − 0.25 f), and −0.25 where nothing was picked. It is
remembered: S ← S + 0.12 (g − S), from 0.

**Fatigue.** All fatigue fades to 0.9 with each slate, then 0.8 is added to the genre watched; between sessions it fades
to 0.4, not to nothing.

**Ends.** A session has a time budget, lognormal with median 90 minutes; a watch takes its minutes, a slate without a
pick takes 4. The session ends when that is used up, or else with probability σ(−2.2 − 1.5 S) after each slate. After a
session the viewer comes back with probability σ(1.2 + 5 S), and is otherwise lost.

**Time.** With each day ``churn`` new titles replace the oldest, and fashion, one number per genre that is part of every
z, moves: it keeps 0.8 of itself and gains ``drift`` · Normal(0, 1).

**Why these numbers.** Taste dominates: a favourite genre adds 2.4 to z, as much to a pick as 2.7 standard deviations of
appeal, because that is what makes personal pages pay in published case studies; but appeal differs enough between
titles that showing what is popular beats chance by some 40 %. A teaser draws and holds, yet disappoints and in the end
drives away, so that what is best for the next slate is not what is best for a life. Nothing that a policy needs to see
this is hidden: the teaser is a feature of the title. Hidden are, as they would be, satisfaction, fatigue carried over
from earlier sessions, the time budget and part of the taste; what was watched in this session is known.

``myopic`` maximises the expected minutes of the next slate. ``informed`` maximises minutes + ``WORTH_MIN`` · g of the
next slate: to a life, satisfaction is worth that many minutes. This one number was tuned: engagement is flat within
3 % from 60 to 250, and some 40 % above that of ``myopic``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from envs import streaming_titles, streaming_viewers
from envs.choice import MultinomialLogit, pick
from envs.clock import Clock
from envs.streaming_titles import GENRES, LENGTHS_MIN, MEAN_TEASER, Titles
from envs.streaming_viewers import Viewers
from envs.streaming_watching import (
    BORED,
    BROWSE_MIN,
    LEARNT,
    NO_PICK,
    Facts,
    Prospects,
    best_slates,
    fit,
    leave_chance,
    prospects,
    return_chance,
    watched,
)
from envs.world import Flags, Floats, Indices, Kpi, Observed, Offer, Reaction, Shape, Streams, World, check_number

TIRED, RESTED, RECOVERED = 0.8, 0.9, 0.4
"""Fatigue that a watch adds; what a slate leaves of it; what the time between two sessions leaves of it."""

FASHION_KEPT = 0.8

WORTH_MIN = 100.0
"""What one unit of satisfaction is worth to ``informed``, in minutes."""

SMALLEST_POOL = 100


@dataclass(frozen=True, slots=True)
class StreamingSettings:
    """What may be set of the streaming world.

    Attributes:
        requests_per_day: Slates each place sees in a day of world time.
        pool: Live titles; None: four for each candidate, at least ``SMALLEST_POOL``.
        churn: New titles a day; 0 keeps the first ones for ever.
        drift: Standard deviation of a day's change of fashion; 0 and churn 0 leave only ageing.
        position_bias: What each slot further down takes off the logit of being picked.
        max_steps: Slates after which a life is cut.
    """

    requests_per_day: float = 1500.0
    pool: int | None = None
    churn: int = 5
    drift: float = 0.15
    position_bias: float = 0.2
    max_steps: int = 100

    def __post_init__(self) -> None:
        check_number("requests_per_day", self.requests_per_day, within="(0, inf)")
        check_number("churn", self.churn, within="[0, inf)", whole=True)
        check_number("drift", self.drift, within="[0, inf)")
        check_number("position_bias", self.position_bias, within="[0, inf)")
        check_number("max_steps", self.max_steps, within="[1, inf)", whole=True)
        if self.pool is not None:
            check_number("pool", self.pool, within="[1, inf)", whole=True)


class Streaming(World):
    """Viewers of one video service.

    Attributes:
        titles: The live catalogue.
        viewers: Who is in the places.
        fashion: (n_genres,): what is in fashion now.
    """

    name: ClassVar[str] = "streaming"
    recipe: ClassVar[Mapping[str, float]] = {"watch_min": 1.0 / LENGTHS_MIN[-1]}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    kpi: ClassVar[Kpi] = Kpi("engagement time", "watch_min", "episode")

    def __init__(
        self,
        n_users: int = 1,
        n_candidates: int = 10,
        n_slots: int = 3,
        settings: StreamingSettings = StreamingSettings(),
    ) -> None:
        """A service with so many viewers at once.

        Raises:
            WorldError: if a size or a setting can't be.
        """
        super().__init__(n_users, n_candidates, n_slots)
        pool = settings.pool if settings.pool is not None else max(SMALLEST_POOL, 4 * n_candidates)
        self.max_steps = settings.max_steps
        self._settings = settings
        self._choice = MultinomialLogit(NO_PICK)
        self._slot_logits: Floats = np.linspace(0.0, -settings.position_bias * (n_slots - 1), n_slots)
        self._clock = Clock(settings.requests_per_day)
        self.titles = Titles(pool, n_candidates)
        self.viewers = Viewers(n_users)
        self.fashion: Floats = np.zeros(len(GENRES))
        self._rows: Indices = np.arange(n_users)

    @property
    def shape(self) -> Shape:
        """Features lie in [0, 1]; of each slot the minutes watched are seen."""
        n_user, n_item = streaming_viewers.N_FEATURES, streaming_titles.N_FEATURES
        longest = LENGTHS_MIN[-1]
        return Shape(
            (np.zeros(n_user), np.ones(n_user)), (np.zeros(n_item), np.ones(n_item)), {"watch_min": (0.0, longest)}
        )

    def seed(self, streams: Streams) -> None:
        """The first day; a full catalogue, no fashion yet."""
        self._streams = streams
        self._clock.restart()
        self.viewers.restart()
        self.titles.restart(streams.documents, self._settings.churn)
        self.fashion = np.zeros(len(GENRES))

    def begin(self, places: Flags) -> None:
        """New viewers, at the start of their first session."""
        self.viewers.begin(places, self._streams.users)

    def offer(self) -> None:
        """Titles drawn from the live catalogue, each as likely as any other."""
        shelves = self.titles.shelves
        self._offered: Indices = shelves.draw(self._streams.documents.random((self.n_users, shelves.n_shelves)))
        self._known: Prospects | None = None

    def observe(self) -> tuple[Observed, Observed]:
        """Viewers with their session so far, titles."""
        return self.viewers.observe(), self.titles.observe(self._clock.now_h)[self._offered]

    def prospects(self) -> Prospects:
        """What each candidate promises each viewer now; the truth."""
        if self._known is None:
            self._known = prospects(self._facts())
        return self._known

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """Pick, watch, perhaps end the session, perhaps for good; then time goes on, unless nobody was there."""
        scores = np.take_along_axis(self.prospects().logits, slates, axis=1) + self._slot_logits
        clicks, chances = pick(self._choice, scores, self._streams.choices)
        found: Flags = np.any(clicks, axis=1)
        minutes = self._watch(slates[self._rows, clicks.argmax(axis=1)], found)
        ended = self._end_sessions(active)
        if active.any():
            self._move_on()
        response = {"watch_min": np.where(clicks, minutes[:, np.newaxis], 0.0)}
        rewards = minutes * self.recipe["watch_min"]
        return Reaction(clicks, rewards, ended, chances.clicks, chances.nothing, response)

    def describe(self, place: int) -> Offer:
        """A request for the front page of one viewer."""
        titles, viewers = self.titles, self.viewers
        shelves = self._offered[place].tolist()
        actions = {titles.id(shelf): titles.describe(shelf, self._clock.now_h) for shelf in shelves}
        return Offer(viewers.user_id(place), viewers.session_id(place), viewers.describe(place), actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """The minutes of the title that was picked."""
        minutes = reaction.response["watch_min"][place]
        return [
            (0, slot, "watch_min", float(minutes[slot])) for slot in np.flatnonzero(reaction.clicks[place]).tolist()
        ]

    def myopic(self) -> Indices:
        """Most expected minutes on the next slate."""
        truth = self.prospects()
        return best_slates(truth.logits, truth.minutes, self._slot_logits, nothing=0.0)

    def informed(self) -> Indices:
        """Most minutes on the next slate, with the satisfaction it leaves counted at its worth."""
        truth = self.prospects()
        values = truth.minutes + WORTH_MIN * truth.gains
        return best_slates(truth.logits, values, self._slot_logits, nothing=WORTH_MIN * BORED)

    def _facts(self) -> Facts:
        titles, viewers, offered = self.titles, self.viewers, self._offered
        genre, length_min = titles.genre[offered], titles.length_min[offered]
        rows = self._rows[:, np.newaxis]
        return Facts(
            liking=(viewers.taste + self.fashion)[rows, genre],
            appeal=titles.appeal[offered],
            teaser=titles.teaser[offered] - MEAN_TEASER,
            fatigue=viewers.fatigue[rows, genre],
            fresh=titles.freshness(self._clock.now_h)[offered],
            fit=fit(length_min, viewers.device),
            length_min=length_min,
        )

    def _watch(self, candidates: Indices, found: Flags) -> Floats:
        """Watch the candidate of each viewer who found one; minutes, 0 for the others; both (n_users,)."""
        truth, viewers = self.prospects(), self.viewers
        shelves = self._offered[self._rows, candidates]
        genre, length_min = self.titles.genre[shelves], self.titles.length_min[shelves]
        draws = self._streams.choices.random(self.n_users)
        minutes = np.where(found, watched(truth.minutes[self._rows, candidates], length_min, draws), 0.0)
        gain = np.where(found, truth.gains[self._rows, candidates], BORED)
        viewers.satisfaction += LEARNT * (gain - viewers.satisfaction)
        viewers.fatigue *= RESTED
        viewers.fatigue[self._rows, genre] += TIRED * found
        viewers.watched[self._rows, genre] += found
        viewers.minutes += minutes
        viewers.budget_min -= np.where(found, minutes, BROWSE_MIN)
        viewers.n_slates += 1
        return minutes

    def _end_sessions(self, active: Flags) -> Flags:
        """Who is lost; those who come back are in their next session already."""
        viewers = self.viewers
        draws = self._streams.dynamics.random((2, self.n_users))
        over = (viewers.budget_min <= 0.0) | (draws[0] < leave_chance(viewers.satisfaction))
        back = draws[1] < return_chance(viewers.satisfaction)
        again = over & back & active
        viewers.fatigue[again] *= RECOVERED
        viewers.begin_session(again, self._streams.dynamics)
        return np.asarray(over & ~back)

    def _move_on(self) -> None:
        day_before = self._clock.day
        self._clock.advance()
        for _ in range(self._clock.day - day_before):
            self.titles.renew(self._streams.documents, self._settings.churn, self._clock.now_h)
            moved = self._streams.dynamics.normal(scale=self._settings.drift, size=len(GENRES))
            self.fashion = FASHION_KEPT * self.fashion + moved
