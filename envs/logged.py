"""A recorded data set as a world: users who are offered films they really rated, and like what they really liked.

In: slates. Out: a like for each shown film that this user rated 4 stars or more; nothing is invented. KPI: films liked
per slate. The data is MovieLens (``movielens.py``), given as the option ``path``: none ships here.

A user's ratings are shuffled and cut into tens of films (``num_candidates`` of them), and each ten is offered once. An
episode is one user: all tens, one slate each. Users come in random order, each once; when all have come a new pass
begins, with new tens and new names. The context says of each genre how much more often this user liked shown films of
it than others: it stands only on rewards given earlier in the episode. So a film that is not shown stays unknown.

With n films shown, l of them liked, and n_g and l_g among those of genre g, that is

    (l_g + 2 m) / (n_g + 2) − m,    m = (l + 1) / (n + 2),

rounded to three digits: two imagined ratings pull a genre towards the user's own mean, and two the mean towards a half.

A like is certain or impossible, so the true click probabilities are 1 and 0. No choice of films changes which are
offered next, so ``informed`` is ``myopic``: the liked films first.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from envs.movielens import CURE, PER_TEN, DatasetError, Film, Rating, Ten, film_features, load_movielens, require, tens
from envs.slate_space import top_slates
from envs.world import Flags, Floats, Indices, Kpi, Observed, Offer, Reaction, Shape, Streams, World

SHRINK = 2.0
"""So many imagined ratings pull a genre's rate towards the user's own mean."""

FIRST_YEAR, N_YEARS = 1880, 200
"""In vectors, a year is a share of this span."""


class Tastes:
    """What one user's rewards have told so far."""

    def __init__(self) -> None:
        self._shown: dict[str, float] = defaultdict(float)
        self._liked: dict[str, float] = defaultdict(float)
        self._n = 0
        self._n_liked = 0.0

    def learn(self, film: Film, reward: float) -> None:
        """Take in one reward that was given."""
        self._n += 1
        self._n_liked += reward
        for genre in film.genres:
            self._shown[genre] += 1.0
            self._liked[genre] += reward

    def features(self) -> dict[str, float]:
        """Genre → how much more often this user liked it than other films, shrunken; empty before the first reward."""
        mean = (self._n_liked + 0.5 * SHRINK) / (self._n + SHRINK)
        return {
            genre: round((self._liked[genre] + SHRINK * mean) / (n + SHRINK) - mean, 3)
            for genre, n in self._shown.items()
        }


@dataclass(frozen=True, slots=True)
class LoggedSettings:
    """What may be set of the logged world.

    Attributes:
        path: The unpacked folder of MovieLens ml-latest-small; it must be given.
    """

    path: str | Path | None = None


class Logged(World):
    """Recorded users, each once in a pass."""

    name: ClassVar[str] = "logged"
    recipe: ClassVar[Mapping[str, float]] = {"like": 1.0}
    reward_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    kpi: ClassVar[Kpi] = Kpi("films liked", "like", "slate")

    def __init__(
        self,
        n_users: int = 1,
        n_candidates: int = PER_TEN,
        n_slots: int = 3,
        settings: LoggedSettings = LoggedSettings(),
    ) -> None:
        """The data set is read and checked here.

        Raises:
            WorldError: if a size can't be.
            DatasetError: if the data set is not given, can't be read, or holds no user with so many ratings.
        """
        super().__init__(n_users, n_candidates, n_slots)
        if not isinstance(settings.path, str | Path):
            raise DatasetError(f"path={settings.path!r}: this world replays recorded data, none ships with it; {CURE}")
        self._ratings = load_movielens(Path(settings.path))
        require(self._ratings, n_candidates)
        self._genres = sorted({genre for rating in self._ratings for genre in rating.film.genres})
        self._film_rows = self._vectors()
        self._tens: list[deque[Ten]] = [deque() for _ in range(n_users)]
        self._tastes = [Tastes() for _ in range(n_users)]
        self._names = [""] * n_users

    @property
    def shape(self) -> Shape:
        """Of users the taste, in [-1, 1]; of films their genres, whether there is a year, and which."""
        n_genres = len(self._genres)
        return Shape((-np.ones(n_genres), np.ones(n_genres)), (np.zeros(n_genres + 2), np.ones(n_genres + 2)))

    def seed(self, streams: Streams) -> None:
        """The first pass begins."""
        self._streams = streams
        self._waiting: deque[list[Ten]] = deque()
        self._n_passes = 0

    def begin(self, places: Flags) -> None:
        """The next recorded users, who have told nothing yet."""
        for place in np.flatnonzero(places).tolist():
            if not self._waiting:
                self._waiting.extend(self._dealt())
                self._n_passes += 1
            theirs = self._waiting.popleft()
            self._tens[place] = deque(theirs)
            self._tastes[place] = Tastes()
            self._names[place] = theirs[0].user if self._n_passes == 1 else f"{theirs[0].user}-{self._n_passes}"

    def offer(self) -> None:
        """The next ten of each user; whose episode is over keeps the last one."""
        self._offered: list[tuple[Rating, ...]] = [waiting[0].ratings for waiting in self._tens]
        self._liked: Flags = np.array([[rating.liked for rating in offered] for offered in self._offered])

    def observe(self) -> tuple[Observed, Observed]:
        """Tastes as they are known, films."""
        rows = [[self._film_rows[rating.film.id] for rating in offered] for offered in self._offered]
        known = [tastes.features() for tastes in self._tastes]
        users = [[told.get(genre, 0.0) for genre in self._genres] for told in known]
        shape = (self.n_users, len(self._genres))
        return np.array(users, dtype=np.float32).reshape(shape), np.array(rows, dtype=np.float32)

    def react(self, slates: Indices, active: Flags) -> Reaction:
        """Like what is liked."""
        clicks: Flags = np.take_along_axis(self._liked, slates, axis=1)
        for place in np.flatnonzero(active).tolist():
            for candidate in slates[place].tolist():
                rating = self._offered[place][candidate]
                self._tastes[place].learn(rating.film, float(rating.liked))
        chances = clicks.astype(np.float64)
        nothing = 1.0 - chances.max(axis=1)
        return Reaction(clicks, chances.sum(axis=1), self._move_on(active), chances, nothing, {})

    def describe(self, place: int) -> Offer:
        """The present ten of one user."""
        actions = {rating.film.id: film_features(rating.film) for rating in self._offered[place]}
        name = self._names[place]
        return Offer(name, name, {"taste": self._tastes[place].features()}, actions)

    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """A like for each liked film."""
        return [(0, slot, "like", 1.0) for slot in np.flatnonzero(reaction.clicks[place]).tolist()]

    def myopic(self) -> Indices:
        """The liked films first."""
        return top_slates(self._liked.astype(np.float64), self.n_slots)

    def informed(self) -> Indices:
        """As ``myopic``: what is shown doesn't change what is offered next."""
        return self.myopic()

    def _dealt(self) -> list[list[Ten]]:
        """All users in random order, each with all tens."""
        by_user: dict[str, list[Ten]] = {}
        for ten in tens(self._ratings, self._streams.documents, n_films=self.n_candidates):
            by_user.setdefault(ten.user, []).append(ten)
        users = sorted(by_user)
        return [by_user[users[number]] for number in self._streams.users.permutation(len(users))]

    def _move_on(self, active: Flags) -> Flags:
        """Who has seen the last ten."""
        ended = np.zeros(self.n_users, dtype=np.bool_)
        for place in np.flatnonzero(active).tolist():
            if len(self._tens[place]) == 1:
                ended[place] = True
            else:
                self._tens[place].popleft()
        return ended

    def _vectors(self) -> dict[str, Floats]:
        """Film id → (n_genres + 2,)."""
        rows = {}
        for film in {rating.film.id: rating.film for rating in self._ratings}.values():
            has = [float(genre in film.genres) for genre in self._genres]
            year = 0.0 if film.year is None else min(max((film.year - FIRST_YEAR) / N_YEARS, 0.0), 1.0)
            rows[film.id] = np.array([*has, float(film.year is not None), year])
        return rows
