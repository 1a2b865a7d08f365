"""The contracts of this package: what is chosen from, what a policy answers, what a learner is told.

In: a context and the eligible actions, as JSON features. Out: the probability of each action for one slot.
Everything random and everything derived from that probability lives in ``policies/sampling.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

Features = Mapping[str, Any]
"""JSON features: strings, numbers, booleans, null, lists of strings or of numbers, nested objects."""

Distribution = NDArray[np.float64]
"""Shape (n_actions,): 0 outside the eligible mask, sums to 1 inside."""

Mask = NDArray[np.bool_]
"""Shape (n_actions,): True where an action may be chosen."""

DERIVED = (
    "item_rate",
    "item_count",
    "item_age_h",
    "tag_rate",
    "user_rate",
    "user_count",
    "user_tag_rate",
    "user_tag_count",
)
"""Names, in order, of the derived features in ``Action.derived``; the order is a contract, new ones are only appended.

* item_rate: running reward of a showing of the item, shrunken towards ``tag_rate``; item_count: its showings.
* item_age_h: hours of stream time from the item's first showing to the newest one of any; 0 for an item never shown.
* tag_rate: mean over the item's tags of their running reward, each shrunken towards the overall mean.
* user_rate: how much more reward this user gave than the items' rates had promised, per showing, shrunken towards 0;
  user_count: showings to this user.
* user_tag_rate: how much more this user gave for the item's tags than the item's and the user's own rate promised, mean
  over the tags, each shrunken towards 0; user_tag_count: mean over the tags of the showings it rests on.

Nothing known is written so: no values at all before the loop has learned anything; where the item is new, item_count 0
and item_rate its tags' rate; where the user is unknown, new or could not be read, the four user columns are 0.
"""

N_LOOP_DERIVED = 4
"""The first so many of ``DERIVED`` are the loop's, the same for every user; the others are the user's."""

GROWING = frozenset({"item_count", "item_age_h", "user_count", "user_tag_count"})
"""Those of ``DERIVED`` that start at 0 and grow without bound: a model does well to take their ``log1p``."""


class PolicyError(ValueError):
    """A policy was asked something it can't answer truthfully; the message names the value and the cure."""


class Context(msgspec.Struct, frozen=True, gc=False):
    """What is known about the moment of choosing, the user included."""

    features: Features = {}


class Action(msgspec.Struct, frozen=True, gc=False):
    """A candidate item.

    Attributes:
        id: The application's name for it.
        features: Its JSON features as used (catalogue entry overlaid by the request's).
        key: Content address of ``features`` (12 bytes); equal keys mean equal features, so work may be cached by it.
        derived: Values of ``DERIVED`` at decide time, all of them finite and float32-representable; empty where the
            loop has learned nothing yet.
    """

    id: str
    features: Features = {}
    key: bytes = b""
    derived: tuple[float, ...] = ()


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A place in the slate; its 0-based number is how many slots were filled before it."""

    id: str
    features: Features = {}


class Slate(msgspec.Struct, frozen=True, gc=False):
    """What was chosen.

    Attributes:
        chosen: Indices into the actions as offered, in slot order, without repeats.
        propensities: For each slot, the probability with which its action was chosen given the slots before, in (0, 1].
    """

    chosen: tuple[int, ...]
    propensities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """An experience as a learner sees it: features resolved, rewards already aggregated per slot.

    Attributes:
        eligible: Per slot, what might have been chosen there **before** earlier slots were taken, or None for all.
        rewards: Per slot; larger is better; always finite.
        at_ms: Stream time of the decision, in milliseconds; never falls from one lesson to the next.
        trajectory: Whose steps follow one another: a session, or a user where no session is known; "" where neither
            is, and the lesson stands for itself.
        clicked: Per slot, whether the user took the item up: feedback of the slot's own counted, and made another
            reward than silence does. So no click is a slot that nothing came for, whatever silence is worth (0, −0.1,
            the least of five stars), and a slot whose feedback says no more than silence: a client may post the
            default for every item not clicked. Anything else that it posts is a click, a 0 too where silence is worth
            −0.1; and a click that is worth exactly as much as silence can't be told from it. None where only rewards
            are known; then a click is a reward that isn't 0.
    """

    context: Context
    actions: Sequence[Action]
    slots: Sequence[Slot]
    slate: Slate
    rewards: Sequence[float]
    eligible: Sequence[Mask] | None = None
    at_ms: int = 0
    trajectory: str = ""
    clicked: Sequence[bool] | None = None

    @property
    def clicks(self) -> Sequence[bool]:
        """``clicked``, or what rewards say of it."""
        return [reward != 0.0 for reward in self.rewards] if self.clicked is None else self.clicked


@dataclass(frozen=True, slots=True)
class LearnReport:
    """What became of a batch: how many lessons were learned, and why the others were refused (reason → count)."""

    n_learned: int
    refused: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Prepared(Protocol):
    """One request, its shared work done.

    Where what belongs into a slot depends on how many follow, it may also have ``of_length(n_slots) -> Prepared``: the
    same request for a slate of so many slots, which ``sampling`` asks for first.
    """

    @property
    def n_actions(self) -> int:
        """How many actions were offered."""
        ...

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        """The only primitive: the probability of each action for this slot.

        Args:
            slot: The slot to fill; its number is ``len(chosen)``.
            chosen: Indices of the actions in the slots before, in order.
            eligible: What may be chosen now: never one of ``chosen``, at least one True.

        Returns:
            Shape (n_actions,), 0 outside ``eligible``, sums to 1 within 1e-3 (``sampling`` renormalises in float64).
        """
        ...


@runtime_checkable
class Policy(Protocol):
    """The serving side; immutable, one per snapshot; safe to ask from one thread at a time."""

    def prepare(self, context: Context, actions: Sequence[Action]) -> Prepared:
        """Do once what all slots of this request share."""
        ...


@runtime_checkable
class Learner(Protocol):
    """The training side; deterministic: the same lessons in the same order give the same bytes.

    A learner reloads itself from its own state after a fixed count of lessons where its engine needs that for
    bit-exactness; ``n_until_settled`` tells how many more lessons until ``state`` may be taken.
    """

    def learn(self, lessons: Sequence[Lesson]) -> LearnReport:
        """Learn from each valid lesson, in order; refuse and count the others."""
        ...

    @property
    def n_until_settled(self) -> int:
        """Lessons still to learn before ``state`` is exact; 0 when it is now. Callers split batches by it."""
        ...

    def state(self) -> bytes:
        """All that training needs to go on, exactly. Raises PolicyError unless ``n_until_settled`` is 0."""
        ...

    def snapshot(self) -> bytes:
        """All that serving needs; may be taken at any time and changes nothing."""
        ...


@runtime_checkable
class SessionLearner(Learner, Protocol):
    """A learner that looks further ahead than one slate, and so wants to know when a session was over."""

    def end(self, trajectory: str, at_ms: int) -> None:
        """This trajectory ended after its lessons so far; a later lesson of the same name begins a new one.

        Args:
            trajectory: As in ``Lesson.trajectory``; it may be unknown, or have ended by itself.
            at_ms: Stream time of the end, in milliseconds.
        """
        ...
