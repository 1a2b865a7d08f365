"""Whole episodes of a world under a chooser, all users at once, without Gymnasium in between.

In: a ``World`` and a ``Chooser``, which may look at the world's truth. Out: ``Episodes``, one row per episode. Every
place plays a fixed number of whole episodes, however long they last, so that short ones aren't over-represented.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from envs.world import Flags, Floats, Indices, Reaction, Streams, World, WorldError

Chooser = Callable[[World, np.random.Generator], Indices]
"""Slates (n_users, n_slots) of distinct indices, for all users of the world at once."""

LONGEST = 10_000
"""Steps of an episode after which a world without ``max_steps`` is taken to have no end."""

Metric = Literal["return", "length", "click_rate", "clicked_quality", "kpi"]


@runtime_checkable
class Attentive(Protocol):
    """A chooser that remembers: it is told who begins, and what came of its slates."""

    def __call__(self, world: World, rng: np.random.Generator) -> Indices:
        """Slates, as a ``Chooser``."""

    def begin(self, world: World, places: Flags) -> None:
        """New users sit in these places, (n_users,)."""

    def watch(self, world: World, slates: Indices, reaction: Reaction) -> None:
        """What the users did with their slates; the candidates of the world are still those of the slates."""


class Estimate(NamedTuple):
    """A mean over episodes, or a ratio of two.

    Attributes:
        mean: The figure.
        sd: Standard deviation of one episode's part in it.
        n: How many episodes.
    """

    mean: float
    sd: float
    n: int

    @property
    def se(self) -> float:
        """Standard error of the mean."""
        return self.sd / math.sqrt(self.n)


@dataclass(frozen=True, slots=True)
class Episodes:
    """One row per episode, each array (n_episodes,).

    Attributes:
        returns: Undiscounted sum of rewards.
        lengths: Steps.
        n_clicks: Clicks.
        clicked_quality: Sum over clicks of the response ``quality``; 0 in a world that has none.
        kpi: Sum of the feedback that the world's KPI counts.
        kpi_per: What the KPI is divided by.
    """

    returns: Floats
    lengths: Floats
    n_clicks: Floats
    clicked_quality: Floats
    kpi: Floats
    kpi_per: Literal["slate", "episode"]

    def estimate(self, metric: Metric) -> Estimate:
        """A figure of these episodes.

        ``return`` and ``length`` are means over episodes. ``click_rate`` is clicks per slate and ``clicked_quality``
        quality per click, of all slates and clicks together, as is a ``kpi`` that counts per slate. The ``sd`` of such
        a ratio is that of its linearisation, since episodes, not slates, are independent.

        Raises:
            WorldError: if there is nothing to divide by.
        """
        match metric:
            case "return":
                return _mean(self.returns)
            case "length":
                return _mean(self.lengths)
            case "click_rate":
                return ratio(self.n_clicks, self.lengths)
            case "clicked_quality":
                return ratio(self.clicked_quality, self.n_clicks)
            case "kpi":
                return ratio(self.kpi, self.lengths) if self.kpi_per == "slate" else _mean(self.kpi)


def ratio(above: Floats, below: Floats) -> Estimate:
    """Sum of ``above`` over sum of ``below``, one pair per episode.

    Raises:
        WorldError: if ``below`` sums to 0.

    Source: Cochran 1977, "Sampling Techniques", section 6.3.
    """
    if below.sum() == 0.0:
        raise WorldError("no click in any episode: a mean over clicks doesn't exist; play more episodes")
    found = float(above.sum() / below.sum())
    return Estimate(found, float(np.std((above - found * below) / below.mean(), ddof=1)), len(above))


def _mean(values: Floats) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1)), len(values))


def run_episodes(world: World, chooser: Chooser, *, n_episodes: int, seed: int) -> Episodes:
    """Play so many whole episodes, spread evenly over the world's places.

    Args:
        world: It is begun anew.
        chooser: If it is ``Attentive``, it is told what happens.
        n_episodes: At least 2, so that there is a spread.
        seed: Of the world's dice and the chooser's, which are independent.

    Raises:
        WorldError: if there are fewer than 2 episodes, or one of them doesn't end.
    """
    if n_episodes < 2:
        raise WorldError(f"n_episodes={n_episodes} must be at least 2; a mean without a spread says little")
    table = _Table(world, n_episodes)
    attentive = chooser if isinstance(chooser, Attentive) else None
    rng = np.random.default_rng([seed, 1])
    world.seed(Streams.spawn(seed))
    beginning = np.ones(world.n_users, dtype=np.bool_)
    while table.active.any():
        if beginning.any():
            world.begin(beginning)
            if attentive:
                attentive.begin(world, beginning)
        world.offer()
        slates = chooser(world, rng)
        reaction = world.react(slates, table.active)
        if attentive:
            attentive.watch(world, slates, reaction)
        beginning = table.add(reaction)
    return table.episodes()


class _Table:
    """Running sums of each place, and a row for each episode that is over."""

    def __init__(self, world: World, n_episodes: int) -> None:
        n_users = world.n_users
        self._world = world
        self._n_wanted = np.full(n_users, n_episodes // n_users) + (np.arange(n_users) < n_episodes % n_users)
        self._n_done = np.zeros(n_users, dtype=np.intp)
        self._sums = np.zeros((5, n_users))
        self._rows = np.zeros((5, n_users, int(self._n_wanted.max())))
        self._n_steps = 0
        self.active: Flags = self._n_wanted > 0

    def add(self, reaction: Reaction) -> Flags:
        """Count one step of the active places; which of them begin a further episode."""
        quality = reaction.response.get("quality")
        sums = (
            reaction.rewards,
            1.0,
            reaction.clicks.sum(axis=1),
            0.0 if quality is None else np.where(reaction.clicks, quality, 0.0).sum(axis=1),
            self._kpi(reaction),
        )
        for total, part in zip(self._sums, sums, strict=True):
            total += np.where(self.active, part, 0.0)
        cut = self._world.max_steps is not None and self._sums[1] >= self._world.max_steps
        more = self._close(self.active & (reaction.ended | cut))
        self._n_steps += 1
        if self._n_steps >= LONGEST:
            self._refuse_endless()
        return more

    def episodes(self) -> Episodes:
        """What was gathered, place by place."""
        done = np.arange(self._rows.shape[2]) < self._n_wanted[:, None]
        returns, lengths, n_clicks, quality, kpi = (rows[done] for rows in self._rows)
        return Episodes(returns, lengths, n_clicks, quality, kpi, self._world.kpi.per)

    def _refuse_endless(self) -> None:
        if self._world.max_steps is None and self._sums[1].max() >= LONGEST:
            raise WorldError(
                f"world={self._world.name}: an episode of {LONGEST:,} steps hasn't ended; end it in react(), or set "
                "max_steps, after which it is cut"
            )

    def _close(self, over: Flags) -> Flags:
        places = np.flatnonzero(over)
        self._rows[:, places, self._n_done[places]] = self._sums[:, places]
        self._sums[:, places] = 0.0
        self._n_done[places] += 1
        more = over & (self._n_done < self._n_wanted)
        self.active = self.active & (~over | more)
        return more

    def _kpi(self, reaction: Reaction) -> Floats:
        """Where a reward is made of nothing else, it is the KPI; else every piece of feedback is looked at."""
        counted = self._world.kpi.feedback
        if set(self._world.recipe) == {counted}:
            return reaction.rewards / self._world.recipe[counted]
        found = np.zeros(self._world.n_users)
        for place in np.flatnonzero(self.active).tolist():
            pieces = self._world.feedback(reaction, place)
            found[place] = sum(value for _, _, name, value in pieces if name == counted)
        return found
