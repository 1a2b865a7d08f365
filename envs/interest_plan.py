"""The best slate when clicks have values and cost something else: the reference policy of interest evolution.

In: a choice model, scores and values of candidates, the value of no click. Out: the slate of a fixed size with the
greatest expected value, exactly for users who click at most one document; and what a unit of budget is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from envs.choice import Cascade, ChoiceModel
from envs.slate_space import top_slates
from envs.world import Flags, Floats, Indices, Streams, World

MAX_ROUNDS = 50
"""Dinkelbach's method settles in three to six; this only bounds it."""
FIRST_PRICE = 1.46
"""About right for 10 candidates and 2 slots."""
N_ROUNDS = 3


@runtime_checkable
class Weighing(Protocol):
    """A multinomial choice model: items and no click are weighed against each other."""

    def weights(self, scores: Floats) -> tuple[Floats, Floats]:
        """Weights of the items (n_users, n_items) and of no click (n_users,)."""
        ...


def best_slates(model: ChoiceModel, scores: Floats, values: Floats, *, nothing: float, n_slots: int) -> Indices:
    """Slates (n_users, n_slots) that maximise the expected value of what is clicked, or of clicking nothing.

    Exact for multinomial models and cascades. For models with several clicks, where a slate's value is no function of
    one click, the candidates with the greatest chance times advantage over no click: a good slate, not always the best.

    Args:
        model: How users pick.
        scores: (n_users, n_candidates), what the model is asked with.
        values: (n_users, n_candidates), what a click on each is worth.
        nothing: What no click is worth.
        n_slots: Size of the slate.
    """
    if isinstance(model, Weighing):
        return _weighed(*model.weights(scores), values, nothing, n_slots)
    if isinstance(model, Cascade):
        return _cascaded(model.attention * model.attraction(scores), values, nothing, n_slots)
    alone = model.chances(scores.reshape(-1, 1)).clicks.reshape(scores.shape)
    return top_slates(alone * (values - nothing), n_slots)


def solved_price(world_at: Callable[[float], World], budget: float) -> float:
    """The price of budget at which the reference earns just what the budget costs: price * budget = return.

    Found by trying: whole sessions at a price, whose mean return gives the next price. The return hardly depends on the
    price near the best one, so that few rounds and users do. The dice are always the same.

    Args:
        world_at: A price → a world whose ``informed`` uses it.
        budget: A session's.
    """
    price = FIRST_PRICE
    for number in range(N_ROUNDS):
        price = float(_returns(world_at(price), Streams.spawn(number)).mean()) / budget
    return price


def _returns(world: World, streams: Streams) -> Floats:
    """Return of one session in each place under the reference policy."""
    active: Flags = np.ones(world.n_users, dtype=np.bool_)
    world.seed(streams)
    world.begin(active)
    returns = np.zeros(world.n_users)
    while active.any():
        world.offer()
        reaction = world.react(world.informed(), active)
        returns += reaction.rewards * active
        active = active & ~reaction.ended
    return returns


def _weighed(weights: Floats, no_click: Floats, values: Floats, nothing: float, n_slots: int) -> Indices:
    """Maximises (Σ w v + w0 v0) / (Σ w + w0) over slates.

    A slate is the best for the ratio ρ it reaches iff it maximises Σ w (v − ρ), which the greatest n_slots terms do.

    Source: Dinkelbach 1967, "On Nonlinear Fractional Programming".
    """
    ratio = np.full((len(weights), 1), nothing)
    for _ in range(MAX_ROUNDS):
        slates = top_slates(weights * (values - ratio), n_slots)
        shown = np.take_along_axis(weights, slates, axis=1)
        worth = (shown * np.take_along_axis(values, slates, axis=1)).sum(axis=1) + no_click * nothing
        total = shown.sum(axis=1) + no_click
        reached = np.divide(worth, total, out=np.full_like(worth, nothing), where=total > 0.0)[:, np.newaxis]
        if np.allclose(reached, ratio, rtol=0.0, atol=1e-12):
            break
        ratio = reached
    return slates


def _cascaded(attraction: Floats, values: Floats, nothing: float, n_slots: int) -> Indices:
    """Maximises the expected value under a cascade.

    Of any set of documents, falling value is the best order (exchange two neighbours). So a document is taken or left
    in that order: V(i, k) = max(V(i + 1, k), a_i v_i + (1 − a_i) V(i + 1, k − 1)), with k slots left to fill.
    """
    n_users, n_candidates = values.shape
    order = np.argsort(-values, axis=1, kind="stable")
    chance, worth = (np.take_along_axis(one, order, axis=1) for one in (attraction, values))
    best = np.full((n_users, n_slots + 1), -np.inf)
    best[:, 0] = nothing
    takes: Flags = np.zeros((n_candidates, n_users, n_slots + 1), dtype=np.bool_)
    for item in reversed(range(n_candidates)):
        taken = chance[:, [item]] * worth[:, [item]] + (1.0 - chance[:, [item]]) * best[:, :-1]
        takes[item, :, 1:] = taken >= best[:, 1:]
        best[:, 1:] = np.maximum(taken, best[:, 1:])
    return _follow(takes, order, n_slots)


def _follow(takes: Flags, order: Indices, n_slots: int) -> Indices:
    n_candidates, n_users, _ = takes.shape
    rows = np.arange(n_users)
    left = np.full(n_users, n_slots)
    slates: Indices = np.empty((n_users, n_slots), dtype=np.intp)
    for item in range(n_candidates):
        takers = rows[takes[item, rows, left] & (left > 0)]
        slates[takers, n_slots - left[takers]] = order[takers, item]
        left[takers] -= 1
    return slates
