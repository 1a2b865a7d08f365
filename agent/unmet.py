"""What a trained agent looks at and nobody sends: it decides as if that were average, so people are told.

In: lessons, in log order. Out: the features of which none of them has had a value that the agent knows yet, as state,
and a sentence about them. Equal lessons leave equal states, wherever learning was interrupted.

A number is known by its name. A word is known where the agent was trained with that very word: of another one it sees
as little as of none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from policies.base import Features, Lesson
from policies.entries import entries
from policies.neural.dense import DenseEncoder, Request, Sides

N_ENOUGH = 20
"""After so many lessons something is missed."""

_N_NAMED = 5
"""Features that a sentence names."""

_N_LOOKED = 2**15

_WORD_CHARS = 30


class Sight:
    """Which features an agent was trained on, and of which of them requests have a value that it knows.

    Attributes:
        trained_on: Names: of contexts, of actions.
        n_trained: How many they are.
    """

    def __init__(self, encoder: DenseEncoder) -> None:
        """Of one encoder, which never changes."""
        self.trained_on: Sides = encoder.unmet_sides([])
        self.n_trained = sum(map(len, self.trained_on))
        self._context, self._action = frozenset(encoder.context_names), frozenset(encoder.action_names)
        self._words = _first_words(encoder.context_names), _first_words(encoder.action_names)

    def unmet(self, left: Sides, requests: Sequence[Request]) -> Sides:
        """What is still left of these names after some requests."""
        contexts = [context.features for context, _ in requests] if left[0] else []
        actions = [action.features for _, offered in requests for action in offered] if left[1] else []
        return _still(left[0], _met(contexts, self._context)), _still(left[1], _met(actions, self._action))

    def sees_nothing_of(self, requests: Sequence[Request]) -> bool:
        """Whether there is something to see, and these requests have none of it."""
        return self.n_trained > 0 and self.unmet(self.trained_on, requests) == self.trained_on

    def told(self, left: Sides) -> str:
        """The first names, those of words with one that is known, and how many more there are."""
        shown = [_told(name, words) for names, words in zip(left, self._words, strict=True) for name in names]
        more = f" and {len(shown) - _N_NAMED} more" if len(shown) > _N_NAMED else ""
        return ", ".join(shown[:_N_NAMED]) + more


class Unmet:
    """Features that an agent was trained on and of which no lesson has had a value that it knows.

    Attributes:
        left: By name: of contexts, of actions.
    """

    def __init__(self, encoder: DenseEncoder, left: Sides | None = None) -> None:
        """Go on from what was left, or begin."""
        self._sight = Sight(encoder)
        self.left = self._sight.trained_on if left is None else left
        self._looked = set[bytes]()

    def look(self, lesson: Lesson) -> None:
        """See what a lesson has; actions seen before are passed over."""
        if not any(self.left):
            return
        fresh = [action for action in lesson.actions if not action.key or action.key not in self._looked]
        self.left = self._sight.unmet(self.left, [(lesson.context, fresh)])
        if len(self._looked) > _N_LOOKED:
            self._looked.clear()
        self._looked.update(action.key for action in fresh if action.key)

    def troubles(self, n_lessons: int) -> Mapping[str, int]:
        """One reason with the count of lessons, or nothing; see ``LoopLearner.troubles``."""
        n_left = sum(map(len, self.left))
        if not n_left or n_lessons < N_ENOUGH:
            return {}
        share, names = f"{n_left} of the {self._sight.n_trained} features", self._sight.told(self.left)
        return {f"unmet: no lesson has {share} that the agent was trained with: {names}": n_lessons}


def _met(rows: Sequence[Features], known: frozenset[str]) -> set[str]:
    """Names of which rows have a known value."""
    return {name for row in rows for name, meaning in _values(row) if meaning in known}


def _values(row: Features) -> Iterator[tuple[str, str]]:
    """Names, each with what an encoder calls the coordinate of its value."""
    found = entries(row)
    yield from ((name, name) for name in found.numbers)
    yield from ((name, f"{name}={word}".replace("\0", "")) for name, word in found.words)


def _still(left: list[str], met: set[str]) -> list[str]:
    return [name for name in left if name not in met]


def _first_words(meanings: Sequence[str]) -> dict[str, str]:
    """Of each feature that has words and no number, the first one."""
    found: dict[str, str] = {}
    for name, equals, word in (meaning.partition("=") for meaning in meanings):
        if equals and name not in meanings:
            found.setdefault(name, word[:_WORD_CHARS])
    return found


def _told(name: str, words: Mapping[str, str]) -> str:
    return f"{name} (such as {words[name]})" if name in words else name
