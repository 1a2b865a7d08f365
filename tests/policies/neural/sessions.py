"""Made-up sessions for the tests: a lure pays at once and ends the session, a treat pays less and lets it go on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from policies.base import Action, Context, Lesson, SessionLearner, Slate, Slot

ACTIONS = [Action("lure", {"kind": "lure"}), Action("treat", {"kind": "treat"}), Action("dull", {"kind": "dull"})]
LENGTH = 8
SLOTS = (Slot("0"),)

Told = Lesson | tuple[str, int]
"""A lesson, or the end of a session: (trajectory, at_ms)."""

Pupil = TypeVar("Pupil", bound=SessionLearner)


def tell(learner: Pupil, told: Sequence[Told]) -> Pupil:
    """Tell a learner, who must take every lesson; itself comes back."""
    for one in told:
        if isinstance(one, Lesson):
            assert learner.learn([one]).n_learned == 1
        else:
            learner.end(*one)
    return learner


def sessions(n_lessons: int, seed: int = 0, *, n_open: int = 5) -> list[Told]:
    """Uniformly served lessons of sessions that take turns, and the ends of most of them."""
    dice = random.Random(seed)
    names, lengths = [f"session:{number}" for number in range(n_open)], [0] * n_open
    told: list[Told] = []
    for at in range(n_lessons):
        who = dice.randrange(n_open)
        index = dice.randrange(3)
        lengths[who] += 1
        told.append(_lesson(index, names[who], 100 * at, mood=dice.random()))
        if index == 0 or lengths[who] == LENGTH:
            if dice.random() < 0.9:
                told.append((names[who], 100 * at + 1))
            names[who], lengths[who] = f"session:{seed}-{at}", 0
    return told


def _lesson(index: int, name: str, at_ms: int, *, mood: float) -> Lesson:
    reward = (1.0, 0.8, 0.0)[index]
    made = Lesson(Context({"mood": mood}), ACTIONS, SLOTS, Slate((index,), (1 / 3,)), [reward])
    return replace(made, trajectory=name, at_ms=at_ms)
