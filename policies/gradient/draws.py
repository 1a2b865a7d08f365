"""Plackett–Luce slates in NumPy: how rollouts draw them, and what serving answers for one slot.

In: scores of the candidates. Out: ordered slates without repeats, or a distribution over what is left.
A slate is drawn slot by slot, each item with probability proportional to exp(score) among those that are left. That is
the order of the scores with independent standard Gumbel noise added, so one sort draws a whole slate.

Source: Yellott 1977, "The relationship between Luce's choice axiom, Thurstone's theory of comparative judgment, and the
double exponential distribution", for the equality; Kool et al. 2019, arXiv:1903.06059, for top-k draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]


def gumbel_top_k(scores: Scores, n_slots: int, dice: np.random.Generator) -> NDArray[np.intp]:
    """Draw slates, shape (…, n_slots), for scores (…, n_candidates)."""
    return top_k(scores - np.log(dice.standard_exponential(scores.shape)), n_slots)


def top_k(scores: Scores, n_slots: int) -> NDArray[np.intp]:
    """The likeliest slates, shape (…, n_slots), for scores (…, n_candidates); of equals the first goes first."""
    return np.argsort(-scores, axis=-1, kind="stable")[..., :n_slots]


def softmax(scores: Scores) -> NDArray[np.float64]:
    """exp(scores) to sum 1, shape (n,); in float64."""
    raised: NDArray[np.float64] = np.exp(scores - scores.max(), dtype=np.float64)
    raised /= raised.sum()
    return raised
