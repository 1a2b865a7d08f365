"""An invented world: a newspaper's front page, twelve articles, readers who differ, clicks that fade down the page.

In: a seed. Out: requests and clicks, and what a uniform or the application's own order would earn, exactly. It needs no
data; its truth is drawn here and told to nobody but the tally.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agent.loops import LoopSettings, RewardSettings
from simulator.run import Course
from simulator.service import Features
from simulator.traffic import Ask, Route

SLOTS = 3

EXAMINED = (1.0, 0.7, 0.5)
"""How likely a reader looks at each slot at all."""

TOPICS = ("politics", "music", "sport", "science", "travel", "food")
SEGMENTS = ("student", "commuter", "retired")
DEVICES = ("phone", "desktop")
DAYPARTS = ("morning", "noon", "evening")

ARTICLES: Mapping[str, Features] = {
    f"{topic}-{form}": {"topic": topic, "form": form} for topic in TOPICS for form in ("news", "essay")
}
"""In the order in which the application would show them."""

FAVOURITES: Mapping[str, tuple[str, str]] = {
    "student": ("music", "science"),
    "commuter": ("politics", "food"),
    "retired": ("travel", "food"),
}
"""Each segment's two topics."""

LOOP_SETTINGS = LoopSettings(
    variants={"learned": 0.6, "order": 0.2, "uniform": 0.2}, reward=RewardSettings(window_s=1.0)
)
"""What the demo's loop is asked to be."""

_HOURS = {"morning": 8, "noon": 12, "evening": 20}


class FrontPage:
    """Readers who come one after the other.

    A look at an article becomes a click with a probability whose log-odds are a sum: favourites of the segment count
    most, news does better on phones and in the morning, essays on desktops and in the evening, and each article has a
    charm of its own.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._charm = self._rng.normal(0.0, 0.3, len(ARTICLES))
        self._attraction: dict[str, NDArray[np.float64]] = {}

    def asks(self) -> Iterator[Ask]:
        """Readers without end."""
        number = 0
        while True:
            kind = [str(self._rng.choice(group)) for group in (SEGMENTS, DEVICES, DAYPARTS)]
            user = f"{'/'.join(kind)}/{number}"
            context = {"segment": kind[0], "device": kind[1], "daypart": kind[2], "hour": _HOURS[kind[2]]}
            yield Ask(user, context, ARTICLES, self.expected_uniform(user))
            number += 1

    def react(self, ask: Ask, shown: Sequence[str]) -> list[float]:
        """1 for each slot that was looked at and clicked."""
        chances = self.click_chances(ask.user, shown)
        return [float(drawn < chance) for drawn, chance in zip(self._rng.random(len(shown)), chances, strict=True)]

    def click_chances(self, user: str, shown: Sequence[str]) -> list[float]:
        """The true click probability of each slot."""
        attraction = self._attractions(user)
        numbers = [_NUMBER[article] for article in shown]
        return [float(EXAMINED[slot] * attraction[number]) for slot, number in enumerate(numbers)]

    def expected_uniform(self, user: str) -> float:
        """Clicks per slot of a uniform choice, exactly."""
        return float(self._attractions(user).mean() * np.mean(EXAMINED))

    def _attractions(self, user: str) -> NDArray[np.float64]:
        """Shape (n_articles,): the probability of a click once looked at."""
        kind = user.rsplit("/", 1)[0]
        if kind not in self._attraction:
            segment, device, daypart = kind.split("/")
            likes = [_log_odds(article, segment, device, daypart) for article in ARTICLES.values()]
            self._attraction[kind] = 1.0 / (1.0 + np.exp(-(np.array(likes) + self._charm)))
        return self._attraction[kind]


def course(loop: str, seed: int) -> Course:
    """The front page as a run against this loop."""
    return Course(
        Route(loop, SLOTS), FrontPage(seed), LOOP_SETTINGS, controls=("order", "uniform"), reward_name="clicks"
    )


_NUMBER = {article: number for number, article in enumerate(ARTICLES)}


def _log_odds(article: Features, segment: str, device: str, daypart: str) -> float:
    first, second = FAVOURITES[segment]
    is_news = article["form"] == "news"
    favour = {first: 2.6, second: 2.0}.get(article["topic"], 0.0)
    device_favour = 0.5 if is_news == (device == "phone") else -0.2
    daypart_favour = {"morning": 0.3, "noon": 0.0, "evening": -0.3}[daypart] * (1.0 if is_news else -1.0)
    return -2.6 + favour + device_favour + daypart_favour
