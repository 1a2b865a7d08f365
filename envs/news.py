"""A news site as a world: readers look down pages of articles that age, expire and break.

In: pages (slates) shown to readers. Out: mostly one click a page at most, and readers who stay longer for finding
something to read. KPI: click rate, clicks per page. An episode is one visit, some 4 to 6 pages; who comes back is a new
reader.

**Articles** (``news_articles.py``). A pool of ``pool`` lasting ids. Every full hour Poisson(``churn``) articles arrive,
each in the place of the oldest. Topic uniform; pull q ~ Normal(0, 0.5), seen by nobody; 200 to 1,600 words; an article
on the topic ``local`` is about one of four regions, any other about all.

**Readers** (``news_readers.py``). Segment, location and device are drawn anew for each and are observed. What sets a
reader apart from the segment is not: e_t ~ Normal(0, 0.6) for each topic t.

**Attraction.** The chance a that a reader clicks an article of topic t, age A and w words, once looked at, at time h::

    logit a = -3.6 + q + 0.8 · 2^(-A / 6 h) + buzz_t(h) + segment taste_t + daypart taste_t(h) + e_t
              + 0.9 for an article about the reader's region, or - 0.7 for one about another
              - 0.3 · (w - 600) / 600 on a phone

**Clicks: a cascade down the page.** Slot k gets a proper look with chance (1 - ``position_bias``)^k unless something
above was clicked: P(slot k) = v_k Π_{j<k} (1 - v_j) with v_k = (1 - ``position_bias``)^k a_k. At most one click a page.
The option ``choice`` swaps the model, for tests under a wrong assumption: ``position-based`` readers look at each slot
for itself, P(slot k) = v_k; ``dependent-click`` readers go on down the page after a click with chance 0.5. Both may
click several articles of a page, each is a reward of 1, and "a page with a click" is one with any.

**Leaving.** After a page with a click the reader leaves with probability 0.12, after one without with 0.25. Articles
read in this visit are offered again only where nothing else is left.

**Time.** A step is 24 / ``requests_per_day`` hours, whatever the number of places; it begins at midnight. The hour is
observed. **Breaking topics:** ``drift`` times a day, at random, a random topic gains buzz 1, which halves every 6 h; it
is not observed. ``drift`` 0 and ``churn`` 0 make the world stationary (articles then keep the age they have at first).

**Why these numbers** (log odds: 0.7 doubles small odds). Personalised front pages report 25 to 30 % more clicks
(Agarwal et al. 2016, "Making Contextual Decisions with Low Technical Debt", arXiv:1606.03966); on the Open Bandit
Dataset a bandit that knows item rates alone has 31 to 43 % more than chance (its authors' table of all seven days). So
what is known of readers matters about as much here as what is known of articles: a segment's own topic is worth 1.2 to
2.2; of the standard deviations, pull has 0.5, freshness in a pool a day deep 0.2, what is in the news 0.3,
and the residual of 0.6 is what no policy can know before the reader has clicked. Freshness halves in 6 h because a news
article's traffic is over within a day. Some 15 to 30 % of pages get a click: the page is what people came for.

A click takes nothing away and keeps the reader, so the page most likely to be clicked, the most attractive articles
from the top down, is best for now and for the visit: ``informed`` is ``myopic``. That holds for every ``choice``: to
swap two neighbours so that the more attractive one is looked at first raises both the expected clicks and the chance of
any click.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from envs import news_articles, news_readers
from envs.attraction import Attraction, Logistic
from envs.choice import Cascade, ChoiceModel, DependentClick, PositionBased, pick
from envs.clock import HOURS_PER_DAY, Clock
from envs.news_articles import TOPICS, Articles
from envs.news_readers import DAYPART_TASTE, PHONE, Readers, daypart
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
    check_number,
)

BASE = -3.6
FRESH, FRESH_HALF_LIFE_H = 0.8, 6.0
NEAR, FAR = 0.9, -0.7
LONG_ON_PHONE, EASY_WORDS = 0.3, 600.0
BUZZ, BUZZ_HALF_LIFE_H = 1.0, 6.0
LEAVE_IDLE, LEAVE_CLICKED = 0.25, 0.12
SMALLEST_POOL = 48
PER_CANDIDATE = 4


@dataclass(frozen=True, slots=True)
class NewsSettings:
    """What may be set of the news world.

    Attributes:
        requests_per_day: Pages each place asks for in a day of world time.
        pool: Live articles; None: ``PER_CANDIDATE`` for each candidate, at least ``SMALLEST_POOL``.
        churn: Articles that arrive in an hour, on average; 0 keeps the first ones for ever, at the age they have.
        drift: Topics that break in a day, on average.
        position_bias: How much smaller the chance of a look is from slot to slot, in [0, 1]; 0 none.
        choice: How readers pick from a page, one of ``CHOICES``.
    """

    requests_per_day: float = 3000.0
    pool: int | None = None
    churn: float = 2.0
    drift: float = 3.0
    position_bias: float = 0.15
    choice: str = "cascade"

    def __post_init__(self) -> None:
        check_number("requests_per_day", self.requests_per_day, within="(0, inf)")
        check_number("churn", self.churn, within="[0, inf)")
        check_number("drift", self.drift, within="[0, inf)")
        check_number("position_bias", self.position_bias, within="[0, 1]")
        if self.pool is not None:
            check_number("pool", self.pool, within="[1, inf)", whole=True)
        if not isinstance(self.choice, str) or self.choice not in CHOICES:
            raise WorldError(f"choice={self.choice!r} doesn't exist; there are {', '.join(CHOICES)}")


@dataclass(frozen=True, slots=True)
class Fading:
    """Logistic attraction, seen less and less from slot to slot; scores (n_users, n_slots).

    Attributes:
        position_bias: As in ``NewsSettings``.
    """

    position_bias: float

    def __call__(self, scores: Floats) -> Floats:
        """Chance of a look and a click, where nothing above was clicked."""
        seen = (1.0 - self.position_bias) ** np.arange(scores.shape[1], dtype=np.float64)
        return Logistic()(scores) * seen


CHOICES: Mapping[str, Callable[[Attraction], ChoiceModel]] = {
    "cascade": Cascade,
    "position-based": partial(PositionBased, examination=(1.0,)),
    "dependent-click": partial(DependentClick, continuation=(0.5,)),
}
"""Choice model by name, for an attraction that holds the chance of a look as well."""


class News(World):
    """Readers of one news site.

    Attributes:
        articles: The live pool.
        readers: Who sits where.
        clock: World time.
        buzz: (n_topics,): how much each topic is in the news, in log odds; hidden.
        offered: (n_users, n_candidates): shelves of the present candidates.
    """

    name: ClassVar[str] = "news"
    recipe: ClassVar[Mapping[str, float]] = {"click": 1.0}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    kpi: ClassVar[Kpi] = Kpi("click rate", "click", "slate")

    def __init__(
        self,
        n_users: int = 1,
        n_candidates: int = 10,
        n_slots: int = 3,
        settings: NewsSettings = NewsSettings(),
    ) -> None:
        """A site with so many readers at once.

        Raises:
            WorldError: for sizes as in ``World``, or a pool smaller than ``n_candidates``.
        """
        super().__init__(n_users, n_candidates, n_slots)
        pool = max(SMALLEST_POOL, PER_CANDIDATE * n_candidates) if settings.pool is None else settings.pool
        self._settings = settings
        self._choice = CHOICES[settings.choice](Fading(settings.position_bias))
        self.clock = Clock(settings.requests_per_day)
        self.articles = Articles(pool, n_candidates)
        self.readers = Readers(n_users)
        self._read: Flags = np.zeros((n_users, pool), dtype=np.bool_)
        self._rows: Indices = np.arange(n_users)[:, np.newaxis]

    @property
    def shape(self) -> Shape:
        """Everything lies in [0, 1]."""
        n_user, n_item = news_readers.N_FEATURES, news_articles.N_FEATURES
        return Shape((np.zeros(n_user), np.ones(n_user)), (np.zeros(n_item), np.ones(n_item)))

    def seed(self, streams: Streams) -> None:
        """Midnight of the first day; nothing is in the news."""
        self._streams = streams
        self.clock.restart()
        self.readers.restart()
        self.articles.restart(streams.documents, self._settings.churn)
        self.buzz: Floats = np.zeros(len(TOPICS))
        self._read[:] = False

    def begin(self, places: Flags) -> None:
        """New readers, who have read nothing."""
        self.readers.begin(places, self._streams.users)
        self._read[places] = False

    def offer(self) -> None:
        """Articles drawn from the pool; those already read come last."""
        keys = self._streams.documents.random(self._read.shape) + self._read
        self.offered: Indices = self.articles.shelves.draw(keys)

    def observe(self) -> tuple[Observed, Observed]:
        """Moment and reader; articles."""
        items = self.articles.observe(self._now_h)[self.offered]
        return self.readers.observe(self.clock.hour).astype(np.float32), items.astype(np.float32)

    def scores(self) -> Floats:
        """(n_users, n_candidates): logit of the attraction of each candidate."""
        return self._everyone()[self.offered] + self._personal()

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """Look, click, perhaps leave; then time goes on, unless nobody was there."""
        scores = np.take_along_axis(self.scores(), slates, axis=1)
        clicks, chances = pick(self._choice, scores, self._streams.choices)
        leave = np.where(clicks.any(axis=1), LEAVE_CLICKED, LEAVE_IDLE)
        ended = self._streams.dynamics.random(self.n_users) < leave
        self._remember(slates, clicks)
        if active.any():
            self._move_on()
        rewards = np.add.reduce(clicks, axis=1, dtype=np.float64)
        return Reaction(clicks, rewards, ended, chances.clicks, chances.nothing, {})

    def describe(self, place: int) -> Offer:
        """The page request of one reader."""
        user, now_h = f"u{self.readers.serials[place]}", self._now_h
        shelves = self.offered[place].tolist()
        actions = {self.articles.id(shelf): self.articles.describe(shelf, now_h) for shelf in shelves}
        return Offer(user, user, self.readers.describe(place, self.clock.hour), actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """A click, or with some choice models several."""
        return [(0, slot, "click", 1.0) for slot in np.flatnonzero(reaction.clicks[place]).tolist()]

    def myopic(self) -> Indices:
        """The most attractive articles from the top down."""
        return top_slates(self.scores(), self.n_slots)

    def informed(self) -> Indices:
        """As ``myopic``: a click costs nothing and keeps the reader."""
        return self.myopic()

    @property
    def _now_h(self) -> float:
        """The time by which articles age."""
        return self.clock.now_h if self._settings.churn > 0.0 else 0.0

    def _everyone(self) -> Floats:
        """(n_shelves,): the part of the scores that is the same for all readers."""
        articles = self.articles
        fresh = FRESH * 0.5 ** (articles.shelves.age_h(self._now_h) / FRESH_HALF_LIFE_H)
        moment = DAYPART_TASTE[daypart(self.clock.hour)] + self.buzz
        return np.asarray(BASE + articles.pull + fresh + moment[articles.topic])

    def _personal(self) -> Floats:
        """(n_users, n_candidates): the part that depends on the reader."""
        articles, readers = self.articles, self.readers
        about = articles.place[self.offered]
        region = np.where(about == readers.location[:, np.newaxis], NEAR, FAR)
        length = LONG_ON_PHONE * (articles.words[self.offered] - EASY_WORDS) / EASY_WORDS
        taste = readers.taste[self._rows, articles.topic[self.offered]]
        on_phone = (readers.device == PHONE)[:, np.newaxis]
        return np.asarray(taste + np.where(about >= 0, region, 0.0) - np.where(on_phone, length, 0.0))

    def _remember(self, slates: Indices, clicks: Flags) -> None:
        users, slots = np.nonzero(clicks)
        self._read[users, self.offered[users, slates[users, slots]]] = True

    def _move_on(self) -> None:
        before_h = self.clock.now_h
        step_h = self.clock.advance()
        self._break_news(step_h)
        n_hours = int(self.clock.now_h) - int(before_h)
        n_new = int(self._streams.documents.poisson(self._settings.churn * n_hours)) if n_hours else 0
        if n_new:
            self._read[:, self.articles.arrive(self._streams.documents, n_new, self._now_h)] = False

    def _break_news(self, step_h: float) -> None:
        dice = self._streams.dynamics
        self.buzz *= 0.5 ** (step_h / BUZZ_HALF_LIFE_H)
        n_breaking = int(dice.poisson(self._settings.drift * step_h / HOURS_PER_DAY))
        np.add.at(self.buzz, dice.integers(len(TOPICS), size=n_breaking), BUZZ)
