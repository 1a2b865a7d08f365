"""The contract of a world: N users who look at slates at once, as arrays; and what one of them did, as JSON.

In: slates, shape (n_users, n_slots). Out: a ``Reaction`` to each, with the truth behind it, and copies of what may be
observed. ``envs/slate_env.py`` makes a Gymnasium environment of any ``World``; a world itself knows no Gymnasium.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Observed = NDArray[np.float32]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


class WorldError(ValueError):
    """A world was asked for something it can't be or do; the message names field, value and cure."""


def check_number(name: str, value: Any, *, within: str, whole: bool = False) -> None:
    """Refuse an option that is no such number; text and truth values are none.

    Args:
        name: Of the option.
        value: As it was given.
        within: An interval, its ends in or out: ``[0, 1]``, ``(0, inf)``; ``inf]`` lets infinity in.
        whole: Whether only whole numbers will do.

    Raises:
        WorldError: naming option, value and what it may be.
    """
    low, high = (float(end) for end in within[1:-1].split(","))
    is_number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if is_number and low < value < high:
        return
    if is_number and ((value == low and within[0] == "[") or (value == high and within[-1] == "]")):
        return
    raise WorldError(f"{name}={value!r} must be a {'whole number' if whole else 'number'} in {within}")


def check_flag(name: str, value: Any) -> None:
    """Refuse an option that is neither true nor false.

    Raises:
        WorldError: naming option and value.
    """
    if not isinstance(value, bool):
        raise WorldError(f"{name}={value!r} must be true or false")


@dataclass(frozen=True, slots=True)
class Streams:
    """A world's dice: one generator for each kind of chance, so that one kind can't disturb another."""

    users: np.random.Generator
    documents: np.random.Generator
    choices: np.random.Generator
    dynamics: np.random.Generator

    @classmethod
    def spawn(cls, seed: int | None) -> Streams:
        """Four independent streams of one seed; None takes it from the operating system.

        Source: ``numpy.random.SeedSequence.spawn``.
        """
        return cls(*(np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)))


class Kpi(NamedTuple):
    """What a world's owner looks at: feedback of one type, summed, per slate shown or per episode.

    Attributes:
        name: For people, for example ``click rate``.
        feedback: The type that is summed.
        per: What the sum is divided by.
    """

    name: str
    feedback: str
    per: Literal["slate", "episode"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What is observed of users and items.

    Attributes:
        user: Least and greatest value of each user feature: shape (n_user_features,) each; may be empty.
        item: The same for an item's features: shape (n_item_features,) each.
        response: Response field → (least, greatest), besides ``click``, which every world has. Each is observed per
            slot, shape (n_slots,), and is 0 before the first slate.
    """

    user: tuple[Floats, Floats]
    item: tuple[Floats, Floats]
    response: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Feedback(NamedTuple):
    """Pieces of feedback, as columns of equal length (n_pieces,).

    Attributes:
        users: Whose.
        steps_ago: For which of this user's slates: 0 the one just shown, 1 the one before.
        slots: For which slot of it.
        types: Index into ``World.recipe``'s types, in its order.
        values: How much; raw, before the recipe's weight.
    """

    users: Indices
    steps_ago: Indices
    slots: Indices
    types: Indices
    values: Floats


@dataclass(frozen=True, slots=True)
class Reaction:
    """What N users did with their slates.

    Attributes:
        clicks: (n_users, n_slots).
        rewards: (n_users,): weighted sum of all feedback that arrived with this step.
        ended: (n_users,): the user is gone for good.
        click_chances: (n_users, n_slots): true probability of a click in each slot, as it was before the draw.
        no_click_chance: (n_users,): true probability that nothing is clicked.
        response: The fields of ``Shape.response``, each (n_users, n_slots).
        delayed: Feedback on slates shown earlier (``steps_ago`` ≥ 1), None where nothing came.
    """

    clicks: Flags
    rewards: Floats
    ended: Flags
    click_chances: Floats
    no_click_chance: Floats
    response: Mapping[str, Floats]
    delayed: Feedback | None = None


class Offer(NamedTuple):
    """One user's request as an application would send it: JSON features.

    Attributes:
        user: Stable name of this user, for example ``u17``; a new one for each episode.
        session: Name of the present session.
        context: JSON features of the moment and the user; only what may be observed.
        actions: Item id → JSON features, in the order of the candidates; ids come from a vocabulary that is finite or
            belongs to lasting items, since running rates are kept by id.
    """

    user: str
    session: str
    context: dict[str, Any]
    actions: dict[str, dict[str, Any]]


class World(ABC):
    """N users at once. Everything random comes from ``streams``.

    Life: ``seed`` begins the world anew (time, lasting items); ``begin`` puts new users in places; then, again and
    again, ``offer``, ``observe`` and ``react``. The environment decides who begins and when an episode is cut.

    Attributes:
        name: As in the id of the environment, in kebab case.
        recipe: Feedback type → weight. A reward is the weighted sum; the same recipe is given to a loop.
        reward_range: Least and greatest reward of one slot.
        kpi: What the owner looks at.
        max_steps: An episode that lasts so long is cut (truncated); None never.
    """

    name: ClassVar[str]
    recipe: ClassVar[Mapping[str, float]]
    reward_range: ClassVar[tuple[float, float]]
    kpi: ClassVar[Kpi]
    max_steps: int | None = None

    def __init__(self, n_users: int, n_candidates: int, n_slots: int) -> None:
        """A world of so many places; sizes are checked here.

        Raises:
            WorldError: if a size is no whole number from 1, or the slots outnumber the candidates.
        """
        for name, value in (("num_envs", n_users), ("num_candidates", n_candidates), ("slate_size", n_slots)):
            check_number(name, value, within="[1, inf)", whole=True)
        if n_slots > n_candidates:
            raise WorldError(
                f"slate_size={n_slots} can't be filled from num_candidates={n_candidates} without repeats; "
                "ask for fewer slots, or more candidates"
            )
        self.n_users, self.n_candidates, self.n_slots = n_users, n_candidates, n_slots

    @property
    @abstractmethod
    def shape(self) -> Shape:
        """What is observed."""

    @abstractmethod
    def seed(self, streams: Streams) -> None:
        """Begin the world anew with these dice; no user is in it yet."""

    @abstractmethod
    def begin(self, places: Flags) -> None:
        """Put a new user in each of these places; (n_users,), True where one begins."""

    @abstractmethod
    def offer(self) -> None:
        """Draw everyone's candidates; called after each ``begin`` and after each ``react``."""

    @abstractmethod
    def observe(self) -> tuple[Observed, Observed]:
        """Users (n_users, n_user_features) and candidates (n_users, n_candidates, n_item_features).

        Fresh arrays, that the caller may keep and change. The response is not here: it is in the ``Reaction``.
        """

    @abstractmethod
    def react(self, slates: Indices, active: Flags) -> Reaction:
        """Show each user a slate and move the world on by one step.

        Args:
            slates: (n_users, n_slots), distinct indices into the candidates; checked already.
            active: (n_users,); False for places whose episode is over and whose slate is not shown. What is returned
                for them is ignored, and the next thing that happens to them is ``begin``.
        """

    @abstractmethod
    def describe(self, place: int) -> Offer:
        """The present request of one user as JSON features."""

    @abstractmethod
    def feedback(self, reaction: Reaction, place: int) -> list[tuple[int, int, str, float]]:
        """All feedback of one user in a reaction: (steps_ago, slot, type, value); types are those of ``recipe``."""

    @abstractmethod
    def myopic(self) -> Indices:
        """Slates (n_users, n_slots) best for this step alone, by the whole truth; never for a policy under test."""

    @abstractmethod
    def informed(self) -> Indices:
        """Slates (n_users, n_slots) of a well-informed policy that looks ahead: the world's reference."""
