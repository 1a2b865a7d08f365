"""Policies that learn nothing of their own: uniform, the application's own order, popularity.

In: the actions as offered, with their derived item rates. Out: distributions. They are the arms that lift is measured
against, and ``order`` is what a loop serves before its first snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from policies.base import (
    Action,
    Context,
    Distribution,
    Learner,
    LearnReport,
    Lesson,
    Mask,
    Policy,
    PolicyError,
    Prepared,
    Slot,
)
from policies.lessons import learn_each


class _Equal:
    """Every eligible action is as likely as any other."""

    def __init__(self, n_actions: int) -> None:
        self.n_actions = n_actions

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        return _split(eligible)


class _First:
    """The first eligible action as offered."""

    def __init__(self, n_actions: int) -> None:
        self.n_actions = n_actions

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        result = np.zeros(self.n_actions)
        result[eligible.argmax()] = 1.0
        return result


class _Named:
    """The action that is named for the slot, or the first one where that is taken."""

    def __init__(self, n_actions: int, named: Sequence[int]) -> None:
        self.n_actions = n_actions
        self._named = named

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        result, named = np.zeros(self.n_actions), self._named[len(chosen)]
        result[named if eligible[named] else eligible.argmax()] = 1.0
        return result


class _Best:
    """The eligible actions of the highest value, equally likely."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.n_actions = len(values)
        self._values = values

    def distribution(self, slot: Slot, chosen: Sequence[int], eligible: Mask) -> Distribution:
        values = np.where(eligible, self._values, -np.inf)
        best = values == values.max()
        return _split(best)


def _split(mask: Mask) -> Distribution:
    return mask.astype(np.float64) / float(np.count_nonzero(mask))


class Named:
    """What one request names as the application's own choice; made for that request.

    Args:
        named: Indices of actions, one for each slot.
    """

    def __init__(self, named: Sequence[int]) -> None:
        self._named = named

    def prepare(self, context: Context, actions: Sequence[Action]) -> Prepared:
        """Nothing to share but the number of actions."""
        return _Named(len(actions), self._named)


class Uniform:
    """Chance alone."""

    def prepare(self, context: Context, actions: Sequence[Action]) -> Prepared:
        """Nothing to share but the number of actions."""
        return _Equal(len(actions))


class Order:
    """The application's own order: slot k takes the first action still eligible."""

    def prepare(self, context: Context, actions: Sequence[Action]) -> Prepared:
        """Nothing to share but the number of actions."""
        return _First(len(actions))


class Popularity:
    """Greedy on the derived item rate; ties are split evenly, so that nothing known means uniform."""

    def prepare(self, context: Context, actions: Sequence[Action]) -> Prepared:
        """Reads the rates once; an action without one counts as the mean of those that have one."""
        known = [action.derived[0] for action in actions if action.derived]
        prior = sum(known) / len(known) if known else 0.0
        return _Best(np.array([action.derived[0] if action.derived else prior for action in actions]))


class StaticLearner:
    """Learns nothing, but refuses and counts as every learner does."""

    @property
    def n_until_settled(self) -> int:
        """Always 0."""
        return 0

    def learn(self, lessons: Sequence[Lesson]) -> LearnReport:
        """Validate each lesson."""
        return learn_each(lessons, lambda lesson: None)

    def state(self) -> bytes:
        """Empty."""
        return b""

    def snapshot(self) -> bytes:
        """Empty."""
        return b""


def make_static_learner(state: bytes = b"") -> Learner:
    """A learner for any policy of this file.

    Raises:
        PolicyError: if the state is not one of its own.
    """
    if state:
        raise PolicyError(f"a policy that learns nothing can't resume from {len(state)} bytes; wrong checkpoint")
    return StaticLearner()


STATIC: dict[str, type[Policy]] = {"uniform": Uniform, "order": Order, "popularity": Popularity}
"""Kind → class."""
