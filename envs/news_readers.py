"""The readers of the news world: what is seen of them, and what they like.

In: places where a new reader sits down. Out: arrays over the places, and each reader as JSON features. What only the
world knows of a reader is how the own taste differs from the segment's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.news_articles import LOCATIONS, TOPICS
from envs.world import Flags, Floats, Indices

DEVICES = ("phone", "desktop", "tablet")
PHONE = DEVICES.index("phone")
DEVICE_SHARES = (0.6, 0.3, 0.1)
DAYPARTS = ("night", "morning", "day", "evening")
DAYPART_FROM_H = (0, 6, 11, 17)
SEGMENTS = ("commuter", "fan", "investor", "parent", "student", "retired")
SEGMENT_SHARES = (0.25, 0.2, 0.15, 0.15, 0.15, 0.1)

SEGMENT_TASTE: Floats = np.array(
    [  # politics, business, sport, culture, tech, health, local, world
        [0.4, 0.3, -0.3, -0.8, 0.3, -0.8, 1.3, 0.0],
        [-0.9, -1.0, 2.2, -0.3, -0.3, -0.5, 0.1, -0.6],
        [0.8, 2.1, -0.6, -0.9, 0.8, -0.8, -0.9, 0.5],
        [-0.6, -0.8, -0.5, 0.6, -0.5, 1.8, 1.0, -0.5],
        [-0.5, -0.8, 0.3, 1.3, 2.0, -0.6, -1.0, 0.3],
        [1.2, 0.0, -0.5, 0.3, -1.2, 1.2, 0.6, 0.4],
    ]
)
"""What a segment (row) adds to the log odds of a topic (column): one or two topics it comes for, and some it avoids."""

DAYPART_TASTE: Floats = np.array(
    [
        [-0.2, -0.5, 0.2, 0.4, 0.4, 0.0, -0.4, 0.1],
        [0.5, 0.5, -0.3, -0.5, 0.0, 0.0, 0.4, 0.3],
        [0.0, 0.2, 0.0, -0.1, 0.2, 0.1, 0.0, 0.0],
        [-0.3, -0.5, 0.5, 0.6, 0.0, 0.2, -0.1, -0.2],
    ]
)
"""What the time of day adds: news in the morning, leisure in the evening."""

RESIDUAL_SD = 0.6
"""How far a reader's taste lies from the segment's in each topic; no feature tells."""

N_FEATURES = len(DAYPARTS) + 1 + len(LOCATIONS) + len(DEVICES) + len(SEGMENTS)


def daypart(hour: int) -> int:
    """Index into ``DAYPARTS`` of an hour of the day."""
    return int(np.searchsorted(DAYPART_FROM_H, hour, side="right")) - 1


class Readers:
    """Who sits in which place.

    Attributes:
        segment: (n_users,): index into ``SEGMENTS``.
        location: (n_users,): index into ``LOCATIONS``.
        device: (n_users,): index into ``DEVICES``.
        taste: (n_users, n_topics): the segment's and the own, in log odds.
        serials: (n_users,): the reader's number.
    """

    def __init__(self, n_users: int) -> None:
        """Empty places."""
        self.segment: Indices = np.zeros(n_users, dtype=np.intp)
        self.location: Indices = np.zeros(n_users, dtype=np.intp)
        self.device: Indices = np.zeros(n_users, dtype=np.intp)
        self.taste: Floats = np.zeros((n_users, len(TOPICS)))
        self.serials: Indices = np.zeros(n_users, dtype=np.intp)
        self._n_seen = 0

    def restart(self) -> None:
        """Count readers from 0 again."""
        self._n_seen = 0

    def begin(self, places: Flags, rng: np.random.Generator) -> None:
        """New readers in these places (n_users,)."""
        n = int(np.count_nonzero(places))
        self.segment[places] = rng.choice(len(SEGMENTS), size=n, p=SEGMENT_SHARES)
        self.location[places] = rng.integers(len(LOCATIONS), size=n)
        self.device[places] = rng.choice(len(DEVICES), size=n, p=DEVICE_SHARES)
        own = rng.normal(scale=RESIDUAL_SD, size=(n, len(TOPICS)))
        self.taste[places] = SEGMENT_TASTE[self.segment[places]] + own
        self.serials[places] = self._n_seen + np.arange(n)
        self._n_seen += n

    def observe(self, hour: int) -> Floats:
        """(n_users, N_FEATURES): daypart, location, device and segment as one-hots, and the hour scaled to [0, 1]."""
        moment = np.append(np.eye(len(DAYPARTS))[daypart(hour)], hour / 23)
        return np.column_stack(
            [
                np.tile(moment, (len(self.segment), 1)),
                np.eye(len(LOCATIONS))[self.location],
                np.eye(len(DEVICES))[self.device],
                np.eye(len(SEGMENTS))[self.segment],
            ]
        )

    def describe(self, place: int, hour: int) -> dict[str, Any]:
        """What an application knows of the moment and the reader."""
        return {
            "hour": hour,
            "daypart": DAYPARTS[daypart(hour)],
            "location": LOCATIONS[self.location[place]],
            "device": DEVICES[self.device[place]],
            "user": {"segment": SEGMENTS[self.segment[place]]},
        }
