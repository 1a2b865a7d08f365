"""Parity: are our worlds those of RecSim? Every published figure is measured again, and the page says how far off.

In: a number of episodes and a seed. Out: one ``Row`` per comparison, and the page ``docs/parity.md`` made of them; the
command line writes the page, and fails if a row does.

A row passes if measured and published value differ by at most ``MOST_SES`` combined standard errors. Where a standard
error was not published, it is our own standard deviation at the other's number of episodes, and the rounding of the
published value (its last digit over the root of 12) is added. A figure that can't vary passes if it is equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, get_args

import numpy as np

from envs.cluster_bandits import ClusterBandit
from envs.episodes import Chooser, Estimate, Metric, ratio, run_episodes
from envs.interest_exploration import InterestExploration
from envs.long_term_satisfaction import LongTermSatisfaction
from envs.presets import make_world
from envs.references import choosers, random
from envs.world import Flags, Floats, Indices, Reaction, World, WorldError
from simulator.parity_values import BY_TYPE, CELLS, Cell, Expected

N_EPISODES = 2000
SEED = 1
MOST_SES = 4.0
MOST_USERS = 500
"""Played at once, where episodes differ in length."""

TIMES: Mapping[str, int] = {"interest-exploration": 2, "long-term-satisfaction": 10}
"""Worlds of short, equally long episodes are cheap: so many times the episodes of the others are played."""

CONSTANT = "constant "
RENEWED = "thompson, dice renewed at each step"

Progress = Callable[[int, int, str], None]
"""Told how many cells are done, of how many, and which one comes next."""


class Row(NamedTuple):
    """One comparison.

    Attributes:
        cell: What was played.
        expected: What was published.
        measured: What we measured.
        expected_se: Standard error of the published value; 0 of an exact one.
        distance: Measured less published, in combined standard errors; of an exact figure 0 where they are equal, else
            infinite.
    """

    cell: Cell
    expected: Expected
    measured: Estimate
    expected_se: float
    distance: float

    @property
    def passed(self) -> bool:
        """Whether the two agree, or aren't judged."""
        return abs(self.distance) <= MOST_SES or not self.cell.judged


def run(n_episodes: int = N_EPISODES, seed: int = SEED, progress: Progress | None = None) -> list[Row]:
    """Measure every cell.

    Args:
        n_episodes: Per cell of interest evolution; other worlds get more, see ``TIMES``.
        seed: The cell with number i has the seed ``1000 * seed + i``.
        progress: Called before each cell, and after the last.
    """
    rows: list[Row] = []
    for number, cell in enumerate(CELLS):
        if progress:
            progress(number, len(CELLS), title(cell))
        found = measured(cell, n_episodes * TIMES.get(cell.preset, 1), 1000 * seed + number)
        rows += [compared(cell, expected, found[expected.metric]) for expected in cell.expected]
    if progress:
        progress(len(CELLS), len(CELLS), "done")
    return rows


def compared(cell: Cell, expected: Expected, measured: Estimate) -> Row:
    """One comparison, with errors as the module says."""
    if expected.exact:
        return Row(cell, expected, measured, 0.0, 0.0 if measured.mean == float(expected.value) else math.inf)
    expected_se = expected.se
    if expected_se is None:
        expected_se = math.hypot(measured.sd / math.sqrt(expected.n), rounding(expected.value) / math.sqrt(12.0))
    distance = (measured.mean - float(expected.value)) / math.hypot(measured.se, expected_se)
    return Row(cell, expected, measured, expected_se, distance)


def rounding(value: str) -> float:
    """One unit of the last digit of a published value."""
    return 10.0 ** -len(value.partition(".")[2])


def title(cell: Cell) -> str:
    """World, sizes and policy in a line."""
    candidates, slots = cell.sizes
    option = "" if cell.sensitivity is None else f", sensitivity {cell.sensitivity:g}"
    return f"{cell.preset} {candidates}/{slots}, {cell.policy}{option}"


def measured(cell: Cell, n_episodes: int, seed: int) -> dict[str, Estimate]:
    """Metric → what our world gives in this cell, for all metrics that the cell compares."""
    # Where episodes are equally long, nobody idles if all are played at once.
    world = _world(cell, n_episodes if cell.preset in TIMES else min(n_episodes, MOST_USERS))
    chooser = policy(cell)
    episodes = run_episodes(world, chooser, n_episodes=n_episodes, seed=seed)
    asked = {expected.metric for expected in cell.expected}
    found = {metric: episodes.estimate(metric) for metric in get_args(Metric) if metric in asked}
    return {**found, **(chooser.rates() if isinstance(chooser, RatesByType) else {})}


class OneClickbait(LongTermSatisfaction):
    """Long-term satisfaction with items of one and the same clickbait."""

    def __init__(self, n_users: int, sizes: tuple[int, int], *, sensitivity: float, clickbait: float) -> None:
        """A world whose every item has this clickbait."""
        super().__init__(n_users, *sizes, sensitivity=sensitivity)
        self._only = clickbait

    def offer(self) -> None:
        """The same again."""
        self.clickbait = np.full((self.n_users, self.n_candidates), self._only)


class RatesByType:
    """Any slate, and click rates of the users' types counted apart."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        self._closed: list[tuple[Indices, Floats, Floats]] = []

    def __call__(self, world: World, rng: np.random.Generator) -> Indices:
        """As ``envs.references.random``."""
        return random(world, rng)

    def begin(self, world: World, places: Flags) -> None:
        """All users begin at once: episodes are equally long."""
        if not isinstance(world, InterestExploration):
            raise WorldError(f"world={world.name} has no types of users; take interest-exploration")
        self._closed.append((world.types.copy(), np.zeros(world.n_users), np.zeros(world.n_users)))

    def watch(self, world: World, slates: Indices, reaction: Reaction) -> None:
        """Count."""
        _, clicks, steps = self._closed[-1]
        clicks += reaction.clicks.sum(axis=1)
        steps += 1.0

    def rates(self) -> dict[str, Estimate]:
        """Click rate of each type."""
        types, clicks, steps = (np.concatenate(parts) for parts in zip(*self._closed, strict=True))
        return {name: ratio(clicks[types == kind], steps[types == kind]) for kind, name in enumerate(BY_TYPE)}


def thompson_renewed(shown: Floats, clicked: Floats, rng: np.random.Generator) -> Floats:
    """Thompson sampling as RecSim's agent plays it: a user's dice are begun anew, from one seed, at every step.

    So a user's draws repeat the same underlying numbers, and a user with unlucky ones never explores. NumPy's old
    generator is used because RecSim uses it, and what repeats depends on it.
    """
    dice = np.random.RandomState()
    scores = np.empty_like(shown)
    for user, (wins, losses) in enumerate(zip(1.0 + clicked, 1.0 + shown - clicked, strict=True)):
        dice.seed(user)
        scores[user] = dice.beta(wins, losses)
    return scores


def _world(cell: Cell, n_users: int) -> World:
    candidates, slots = cell.sizes
    if cell.policy.startswith(CONSTANT) and cell.sensitivity is not None:
        clickbait = float(cell.policy.removeprefix(CONSTANT))
        return OneClickbait(n_users, cell.sizes, sensitivity=cell.sensitivity, clickbait=clickbait)
    return make_world(cell.preset, num_envs=n_users, num_candidates=candidates, slate_size=slots)


def policy(cell: Cell) -> Chooser:
    """The chooser of a cell, a fresh one."""
    if any(expected.metric in BY_TYPE for expected in cell.expected):
        return RatesByType()
    if cell.policy.startswith(CONSTANT):
        return random
    if cell.policy == RENEWED:
        return ClusterBandit(thompson_renewed)
    return choosers(cell.preset)[cell.policy]
