"""What the nets believe of logged moments: the slate that was served, what was clicked, and the best slate instead.

In: logged steps, padded to one size, and the nets. Out: four numbers for each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from policies.neural.dense import Float32s
from policies.neural.nets import tensor
from policies.neural.padded import Padded
from policies.slateq import search
from policies.slateq.model import LARGEST
from policies.slateq.net import SlateQNet
from policies.slateq.retrace import shown_chances
from policies.slateq.steps import outcomes

Float64s = NDArray[np.float64]


class Moments(NamedTuple):
    """All (n,); advantages but for the last.

    Attributes:
        taken: Of what was clicked, or of no click.
        served: Of the slate that was served.
        best: Of the best slate.
        traces: How much likelier what was clicked is under the best slate than it was, at most 1.
    """

    taken: Float32s
    served: Float32s
    best: Float32s
    traces: Float32s


class _Believed(NamedTuple):
    """Advantages and choice weights of all candidates and of no click; and what slots multiply weights by."""

    weights: Float64s
    values: Float64s
    nothing: Float64s
    slots: Float64s


def moments_of(padded: Padded, contexts: Tensor, net: SlateQNet) -> Moments:
    """Of padded steps and their contexts (n, n_context)."""
    believed = _believed(padded, contexts, net)
    looks = _looks(believed.slots, padded.items.shape[1])
    served = np.take_along_axis(believed.weights, padded.items, axis=1) * looks * padded.filled
    values = _with(np.take_along_axis(believed.values, padded.items, axis=1), believed.nothing)
    chances = _with(served, np.ones(len(served))) / (1.0 + served.sum(axis=1, keepdims=True))
    best, likely = _of_best(padded, believed)
    outcome, n_slots = outcomes(padded.clicks), padded.filled.sum(axis=1)
    shown = _with(shown_chances(np.exp(padded.logged.astype(np.float64)), n_slots), np.ones(len(served)))
    ratio = np.minimum(likely / np.maximum(chances * shown, _SMALLEST), 1.0)
    return Moments(
        taken=_float32((outcome * values).sum(axis=1)),
        served=_float32((chances * values).sum(axis=1)),
        best=_float32(best),
        traces=_float32((outcome * ratio).sum(axis=1)),
    )


_SMALLEST = 1e-12


def _believed(padded: Padded, contexts: Tensor, net: SlateQNet) -> _Believed:
    items = net.items(tensor(padded.candidates))
    advantages = net.advantages(contexts, items).numpy().astype(np.float64)
    slots = net.slots.detach().numpy().astype(np.float64)
    log_weights = net.appeals(contexts, items).numpy().astype(np.float64) + slots.max()
    weights = np.exp(np.clip(log_weights, -LARGEST, LARGEST))
    return _Believed(weights, advantages[:, :-1], advantages[:, -1], np.exp(slots - slots.max()))


def _of_best(padded: Padded, believed: _Believed) -> tuple[Float64s, Float64s]:
    """Advantage of the best slate (n,), and how likely it makes a click on each item served, or none."""
    n, n_slots = padded.items.shape
    worth, likely = np.zeros(n), np.zeros((n, n_slots + 1))
    allowed: NDArray[np.bool_] = np.logical_or.reduce(padded.allowed, axis=1)
    lengths = padded.filled.sum(axis=1)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        weights, looks = believed.weights[rows], _looks(believed.slots, length)
        slates, worth[rows] = search.best(
            weights, believed.values[rows], believed.nothing[rows], looks, allowed=allowed[rows]
        )
        chosen = np.take_along_axis(weights, slates, axis=1) * looks
        same = slates[:, :, None] == padded.items[rows][:, None, :]
        clicked = (same * chosen[:, :, None]).sum(axis=1)
        likely[rows] = _with(clicked, np.ones(len(rows))) / (1.0 + chosen.sum(axis=1, keepdims=True))
    return worth, likely


def _looks(slots: Float64s, n: int) -> Float64s:
    """Of so many slots; those beyond the slates that the net was made for are as the last of these."""
    return slots[np.minimum(np.arange(n), len(slots) - 1)]


def _with(of_slots: Float64s, of_nothing: Float64s) -> Float64s:
    return np.concatenate([of_slots, of_nothing[:, None]], axis=1)


def _float32(values: NDArray[Any]) -> Float32s:
    return values.astype(np.float32)
