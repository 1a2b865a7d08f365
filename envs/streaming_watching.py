"""What watching does: how a title draws a viewer, how long it holds, what it leaves behind; and the best slates.

In: what is true of viewers and candidates, as arrays. Out: logits, expected minutes and satisfaction of each candidate,
chances that a session ends or a viewer returns, and slates that are best by any such values. Pure: no dice in here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from envs.slate_space import top_slates
from envs.world import Floats, Indices

NO_PICK = 3.4
"""Logit of picking nothing."""

BEST_LENGTH_MIN = (25.0, 40.0, 60.0)
"""The length that suits each of ``DEVICES``."""

HALF_RANGE_MIN = 17.5
"""Half of the way from the shortest to the longest title."""

NOISE = 0.8
"""How far a watch may differ from its expectation, as a share of the way to 0 or to the end."""

BORED = -0.25
"""Satisfaction with a slate of which nothing was picked."""

LEARNT = 0.12
"""Weight of the newest experience in the running satisfaction."""

BROWSE_MIN = 4.0
"""Time that a slate of which nothing was picked takes out of a session."""


class Effect(NamedTuple):
    """A linear form in what is true of a viewer and a title."""

    base: float
    liking: float
    appeal: float
    teaser: float
    fatigue: float
    fresh: float = 0.0
    fit: float = 0.0


PICK = Effect(base=0.0, liking=1.2, appeal=1.05, teaser=2.0, fatigue=-0.9, fresh=0.8, fit=0.5)
HOLD = Effect(base=-0.2, liking=0.65, appeal=0.32, teaser=1.4, fatigue=-0.5)
PLEASE = Effect(base=-0.42, liking=0.4, appeal=0.22, teaser=-2.6, fatigue=-0.25)
"""What makes a title picked (a logit), hold its viewer (log-odds of a share of its length), and please."""

LEAVE_BASE, LEAVE_SATISFIED = -2.2, -1.5
"""Log-odds of ending a session though there is time left, and what satisfaction adds."""

RETURN_BASE, RETURN_SATISFIED = 1.2, 5.0
"""Log-odds of another session, and what satisfaction adds."""


class Facts(NamedTuple):
    """What is true of each viewer with each candidate; (n_users, n_candidates) each.

    Attributes:
        liking: Of the genre, at this time of day, as fashion has it.
        appeal: The title's.
        teaser: The title's, less its mean.
        fatigue: Of the genre.
        fresh: The title's freshness.
        fit: 1 for the length that suits the device, -1 for the farthest from it.
        length_min: The title's.
    """

    liking: Floats
    appeal: Floats
    teaser: Floats
    fatigue: Floats
    fresh: Floats
    fit: Floats
    length_min: Floats


class Prospects(NamedTuple):
    """What each candidate promises; (n_users, n_candidates) each.

    Attributes:
        logits: Of being picked, before the slot's.
        minutes: Expected, once picked.
        gains: Satisfaction it leaves, once picked, in [-1, 1].
    """

    logits: Floats
    minutes: Floats
    gains: Floats


def fit(length_min: Floats, device: Indices) -> Floats:
    """How well titles of these lengths (n_users, n_candidates) suit each viewer's device (n_users,); in [-1, 1]."""
    best = np.array(BEST_LENGTH_MIN)[device][:, np.newaxis]
    return np.asarray(1.0 - np.abs(length_min - best) / HALF_RANGE_MIN)


def prospects(facts: Facts) -> Prospects:
    """The three equations of a title."""
    held = logistic(_linear(HOLD, facts))
    return Prospects(_linear(PICK, facts), facts.length_min * held, np.tanh(_linear(PLEASE, facts)))


def watched(expected: Floats, length_min: Floats, draws: Floats) -> Floats:
    """Minutes of a watch; the mean over uniform draws in [0, 1) is what was expected. All (n_users,)."""
    room = np.minimum(expected, length_min - expected)
    return expected + NOISE * room * (2.0 * draws - 1.0)


def leave_chance(satisfaction: Floats) -> Floats:
    """Chance that a session ends with a slate though there is time left; (n_users,)."""
    return logistic(LEAVE_BASE + LEAVE_SATISFIED * satisfaction)


def return_chance(satisfaction: Floats) -> Floats:
    """Chance that there will be another session; (n_users,)."""
    return logistic(RETURN_BASE + RETURN_SATISFIED * satisfaction)


def best_slates(logits: Floats, values: Floats, slot_logits: Floats, nothing: float) -> Indices:
    """Slates of the greatest expected value under the multinomial choice.

    The value of a slate is a ratio, Σ w v / Σ w with "nothing" among the options. It is at least λ where
    Σ w (v − λ) ≥ 0, so the best slate for λ is the candidates of the greatest w (v − λ), in that order since slots
    only lose weight downwards; λ is then set to the value obtained, until nothing changes.

    Args:
        logits: (n_users, n_candidates).
        values: (n_users, n_candidates): of picking a candidate.
        slot_logits: (n_slots,), not rising.
        nothing: Value of picking nothing.

    Source: W. Dinkelbach, On nonlinear fractional programming, Management Science 13(7), 1967.
    """
    weights, slots = np.exp(logits - NO_PICK), np.exp(slot_logits)
    ratio = np.full(len(logits), nothing)
    slates = top_slates(weights * (values - ratio[:, np.newaxis]), len(slots))
    for _ in range(_MOST_ROUNDS):
        shown = np.take_along_axis(weights, slates, axis=1) * slots
        gained = nothing + (shown * np.take_along_axis(values, slates, axis=1)).sum(axis=1)
        ratio = gained / (1.0 + shown.sum(axis=1))
        found = top_slates(weights * (values - ratio[:, np.newaxis]), len(slots))
        if np.array_equal(found, slates):
            break
        slates = found
    return slates


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(−x))."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


_MOST_ROUNDS = 20
"""Far more than ever needed: convergence is faster than linear, and takes two to four rounds here."""


def _linear(effect: Effect, facts: Facts) -> Floats:
    found = effect.base + effect.liking * facts.liking + effect.appeal * facts.appeal
    found = found + effect.teaser * facts.teaser + effect.fatigue * facts.fatigue
    return np.asarray(found + effect.fresh * facts.fresh + effect.fit * facts.fit)
