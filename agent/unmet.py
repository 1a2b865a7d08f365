"""What a trained agent looks at and nobody sends: it decides as if that were average, so people are told.

In: lessons, in log order. Out: the features that none of them has had yet, as state, and a sentence about them. Equal
lessons leave equal states, wherever learning was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping

from policies.base import Lesson
from policies.neural.dense import DenseEncoder, Sides

N_ENOUGH = 20
"""After so many lessons something is missed."""

_N_NAMED = 5
"""Features that a sentence names."""

_N_LOOKED = 2**15


class Unmet:
    """Features that an agent was trained on and that no lesson has had.

    Attributes:
        left: By name: of contexts, of actions.
    """

    def __init__(self, encoder: DenseEncoder, left: Sides | None = None) -> None:
        """Go on from what was left, or begin."""
        trained_on = encoder.unmet_sides([])
        self._encoder, self._n_trained = encoder, sum(map(len, trained_on))
        self.left = trained_on if left is None else left
        self._looked = set[bytes]()

    def look(self, lesson: Lesson) -> None:
        """See what a lesson has; actions seen before are passed over."""
        if not any(self.left):
            return
        fresh = [action for action in lesson.actions if not action.key or action.key not in self._looked]
        context, action = self._encoder.unmet_sides([(lesson.context, fresh)])
        self.left = _still(self.left[0], context), _still(self.left[1], action)
        if len(self._looked) > _N_LOOKED:
            self._looked.clear()
        self._looked.update(action.key for action in fresh if action.key)

    def troubles(self, n_lessons: int) -> Mapping[str, int]:
        """One reason with the count of lessons, or nothing; see ``LoopLearner.troubles``."""
        names = [*self.left[0], *self.left[1]]
        if not names or n_lessons < N_ENOUGH:
            return {}
        share = f"{len(names)} of the {self._n_trained} features"
        return {f"unmet: no lesson has {share} that the agent was trained with: {some(names)}": n_lessons}


def some(names: list[str]) -> str:
    """The first names, and how many more."""
    more = f" and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else ""
    return ", ".join(names[:_N_NAMED]) + more


def _still(left: list[str], lacking: list[str]) -> list[str]:
    among = set(lacking)
    return [name for name in left if name in among]
