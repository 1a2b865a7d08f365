"""Slates of many users at once, for rollouts: the best ones, and some random ones to learn from.

In: the model in NumPy, and vectors of contexts and candidates. Out: slates.
"""

from __future__ import annotations

import numpy as np

from policies.neural.dense import Float32s
from policies.slateq import search
from policies.slateq.model import SlateQModel


def greedy(model: SlateQModel, contexts: Float32s, candidates: Float32s) -> search.Slates:
    """The best slates, (n_users, n_slots); contexts (n_users, n_context), candidates (n_users, n_candidates, …)."""
    weights, values, nothing = model.prospects(contexts, candidates)
    return search.best(weights, values, nothing, model.slots)[0]


def explored(slates: search.Slates, *, n_candidates: int, share: float, dice: np.random.Generator) -> search.Slates:
    """The same with random slates in some places, each with chance ``share``; changes ``slates``."""
    strays = dice.random(len(slates)) < share
    keys = dice.random((int(strays.sum()), n_candidates))
    slates[strays] = np.argsort(keys, axis=1)[:, : slates.shape[1]]
    return slates
