"""The viewers of the streaming world: profile, taste, fatigue and satisfaction, as arrays over places.

In: who begins a life or a session, and dice. Out: arrays that the world reads and moves on; and of each viewer what an
application would know, as a vector and as JSON. Taste is what the age band likes, two favourite genres (which the
profile names, sometimes wrongly), the part of the day, and a residual that nothing shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.streaming_titles import GENRES
from envs.world import Flags, Floats, Indices, Observed

AGES = ("under-30", "30-44", "45-59", "60-plus")
DEVICES = ("phone", "tablet", "tv")
DAYPARTS = ("morning", "afternoon", "evening", "night")

DEVICE_CHANCES = (0.4, 0.2, 0.4)
DAYPART_CHANCES = (0.15, 0.25, 0.4, 0.2)

_AGE_TASTE = (
    {"animation": 1.3, "fantasy": 1.0, "documentary": -0.7, "romance": -0.4},
    {"comedy": 1.0, "thriller": 0.8, "fantasy": 0.3, "sport": -0.4},
    {"drama": 1.0, "sport": 1.0, "animation": -1.0, "fantasy": -0.4},
    {"documentary": 1.3, "romance": 1.0, "animation": -1.1, "thriller": -0.6},
)
_DAYPART_TASTE = (
    {"documentary": 0.6, "animation": 0.3, "thriller": -0.6},
    {"sport": 0.6, "romance": 0.3, "drama": -0.3},
    {"drama": 0.5, "thriller": 0.4, "sport": -0.3},
    {"thriller": 0.6, "comedy": 0.4, "documentary": -0.6, "romance": -0.3},
)

N_FAVOURITES = 2
FAVOURITE = 2.4
"""What a favourite genre adds to taste."""

TOLD = 0.85
"""How often a favourite in the profile is a real one; else it is any genre."""

RESIDUAL = 0.4
"""Standard deviation of the taste that nothing shows."""

BUDGET_MIN, BUDGET_SPREAD = 90.0, 0.4
"""Median of a session's time, and the standard deviation of its logarithm."""

MOST_WATCHED, MOST_SLATES, MOST_MINUTES, MOST_SESSIONS = 5.0, 10.0, 300.0, 20.0
"""Counts and minutes are told up to here; in vectors as a share of these."""

N_FEATURES = len(AGES) + len(DEVICES) + len(DAYPARTS) + 2 * len(GENRES) + 3


def _table(rows: tuple[dict[str, float], ...]) -> Floats:
    return np.array([[row.get(genre, 0.0) for genre in GENRES] for row in rows])


AGE_TASTE: Floats = _table(_AGE_TASTE)
"""(n_ages, n_genres)"""

DAYPART_TASTE: Floats = _table(_DAYPART_TASTE)
"""(n_dayparts, n_genres)"""


class Viewers:
    """Everyone in the world; each attribute has the places as its first axis.

    Attributes:
        serials: Number of the viewer, unique for the life of the world.
        age: Index into ``AGES``.
        device: Index into ``DEVICES``.
        daypart: Index into ``DAYPARTS``; of the present session.
        likes: (n_users, n_genres): lasting taste; hidden.
        told: (n_users, n_genres): 1 for a favourite that the profile names.
        fatigue: (n_users, n_genres): how tired of each genre; hidden.
        satisfaction: Running, in [-1, 1]; hidden.
        budget_min: Time of the present session; hidden.
        watched: (n_users, n_genres): titles watched in this session.
        minutes: Watched in this session.
        n_slates: Seen in this session.
        n_sessions: Begun, this one included.
    """

    def __init__(self, n_users: int) -> None:
        """Places without viewers."""
        n_genres = len(GENRES)
        self.serials, self.age, self.device, self.daypart = (np.zeros(n_users, dtype=np.intp) for _ in range(4))
        self.n_slates, self.n_sessions = (np.zeros(n_users, dtype=np.intp) for _ in range(2))
        self.satisfaction, self.budget_min, self.minutes = (np.zeros(n_users) for _ in range(3))
        self.likes, self.told, self.fatigue, self.watched = (np.zeros((n_users, n_genres)) for _ in range(4))
        self._n_seen = 0

    def restart(self) -> None:
        """Number viewers from 0 again."""
        self._n_seen = 0

    def begin(self, places: Flags, dice: np.random.Generator) -> None:
        """New viewers in these places, at the start of their first session."""
        found = np.flatnonzero(places)
        n = len(found)
        self.serials[found] = self._n_seen + np.arange(n)
        self._n_seen += n
        self.age[found] = dice.integers(len(AGES), size=n)
        self.device[found] = dice.choice(len(DEVICES), size=n, p=DEVICE_CHANCES)
        self.likes[found], self.told[found] = _drawn_tastes(self.age[found], dice)
        self.fatigue[found], self.satisfaction[found], self.n_sessions[found] = 0.0, 0.0, 0
        self.begin_session(places, dice)

    def begin_session(self, places: Flags, dice: np.random.Generator) -> None:
        """A new session, at another time of day, in these places."""
        found = np.flatnonzero(places)
        n = len(found)
        self.daypart[found] = dice.choice(len(DAYPARTS), size=n, p=DAYPART_CHANCES)
        self.budget_min[found] = BUDGET_MIN * np.exp(BUDGET_SPREAD * dice.normal(size=n))
        self.watched[found], self.minutes[found], self.n_slates[found] = 0.0, 0.0, 0
        self.n_sessions[found] += 1

    @property
    def taste(self) -> Floats:
        """(n_users, n_genres): taste at this time of day."""
        return np.asarray(self.likes + DAYPART_TASTE[self.daypart])

    def observe(self) -> Observed:
        """(n_users, N_FEATURES), each in [0, 1]."""
        parts = (
            np.eye(len(AGES))[self.age],
            np.eye(len(DEVICES))[self.device],
            np.eye(len(DAYPARTS))[self.daypart],
            self.told,
            self.watched / MOST_WATCHED,
            self.n_slates / MOST_SLATES,
            self.minutes.round(1) / MOST_MINUTES,
            self.n_sessions / MOST_SESSIONS,
        )
        return np.minimum(np.column_stack(parts), 1.0).astype(np.float32)

    def describe(self, place: int) -> dict[str, Any]:
        """The context an application would send."""
        watched = np.minimum(self.watched[place], MOST_WATCHED)
        return {
            "age": AGES[self.age[place]],
            "device": DEVICES[self.device[place]],
            "daypart": DAYPARTS[self.daypart[place]],
            "favourites": [GENRES[genre] for genre in np.flatnonzero(self.told[place])],
            "session": {
                "watched": {GENRES[genre]: int(watched[genre]) for genre in np.flatnonzero(watched)},
                "slates": int(min(self.n_slates[place], MOST_SLATES)),
                "minutes": min(round(float(self.minutes[place]), 1), MOST_MINUTES),
                "number": int(min(self.n_sessions[place], MOST_SESSIONS)),
            },
        }

    def user_id(self, place: int) -> str:
        """Stable for life."""
        return f"u{self.serials[place]}"

    def session_id(self, place: int) -> str:
        """Of the present session."""
        return f"{self.user_id(place)}-{self.n_sessions[place]}"


def _drawn_tastes(age: Indices, dice: np.random.Generator) -> tuple[Floats, Floats]:
    """Lasting taste and told favourites, (n, n_genres) each; what an age band likes is likelier to be a favourite."""
    usual: Floats = AGE_TASTE[age]
    favourites = np.argsort(-(usual + dice.gumbel(size=usual.shape)), axis=1)[:, :N_FAVOURITES]
    others = dice.integers(len(GENRES), size=favourites.shape)
    named = np.where(dice.random(favourites.shape) < TOLD, favourites, others)
    likes = usual + dice.normal(scale=RESIDUAL, size=usual.shape)
    told = np.zeros_like(usual)
    rows = np.arange(len(age))[:, np.newaxis]
    likes[rows, favourites] += FAVOURITE
    told[rows, named] = 1.0
    return likes, told
