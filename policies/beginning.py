"""The first lessons, kept whole: they can be encoded anew while the scaling of features is still finding itself.

In: lessons, as they are learned. Out: the same, for as long as there are few; and bytes. Without them the first rows
would stay in the sums at a scale that two or three lessons had suggested, and small sets would be learned badly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.base import Action, Context, Features, Lesson, Slate, Slot
from policies.entries import entries

N_FIRST = 64
"""Lessons kept. By then the spread of a number is known to within a tenth."""


class Beginning:
    """The first lessons of a learner, without the actions that were not chosen; empty once ``N_FIRST`` have come.

    Their actions have no content address: what is kept of features is not what was addressed, and must not pass for it.
    """

    def __init__(self, lessons: Sequence[Lesson] = ()) -> None:
        self._lessons = list(lessons)

    @property
    def lessons(self) -> Sequence[Lesson]:
        """In their order; ``chosen`` are 0, 1 and so on."""
        return tuple(self._lessons)

    def add(self, lesson: Lesson) -> None:
        """Keep one more."""
        chosen = [lesson.actions[index] for index in lesson.slate.chosen]
        self._lessons.append(
            Lesson(
                Context(plain(lesson.context.features)),
                [Action(one.id, plain(one.features), derived=tuple(one.derived)) for one in chosen],
                [Slot(slot.id, plain(slot.features)) for slot in lesson.slots],
                Slate(tuple(range(len(chosen))), tuple(lesson.slate.propensities)),
                [float(reward) for reward in lesson.rewards],
            )
        )

    def end(self) -> None:
        """Forget them."""
        self._lessons.clear()

    def to_parts(self) -> list[Any]:
        """All of it, exactly."""
        return [
            [
                one.context.features,
                [[action.id, action.features, action.derived] for action in one.actions],
                [[slot.id, slot.features] for slot in one.slots],
                one.slate.propensities,
                one.rewards,
            ]
            for one in self._lessons
        ]

    @classmethod
    def from_parts(cls, parts: list[Any]) -> Beginning:
        """What ``to_parts`` gave. Raises ValueError or TypeError if it is something else."""
        return cls(
            [
                Lesson(
                    Context(features),
                    [Action(id, told, derived=tuple(derived)) for id, told, derived in actions],
                    [Slot(id, told) for id, told in slots],
                    Slate(tuple(range(len(actions))), tuple(propensities)),
                    rewards,
                )
                for features, actions, slots, propensities, rewards in parts
            ]
        )


def plain(features: Features) -> Features:
    """The usable part of features, flat: names and words mean what they meant, and bytes can hold all of it."""
    found = entries(features)
    flat: dict[str, Any] = {
        name: value if type(value) in _EXACT else float(value) for name, value in found.numbers.items()
    }
    for name, word in found.words:
        if isinstance(held := flat.setdefault(name, []), list):
            held.append(word)
    return flat


_EXACT = (float, int, bool)
