"""What the nets believe of logged moments: the slate that was served, what was clicked, and the best slate instead.

In: logged steps, padded to one size, and the nets. Out: four numbers for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from policies.neural.dense import Float32s
from policies.neural.logged import LoggedStep
from policies.neural.nets import tensor
from policies.slateq import search
from policies.slateq.model import LARGEST
from policies.slateq.net import SlateQNet
from policies.slateq.retrace import shown_chances
from policies.slateq.steps import outcomes

Flags = NDArray[np.bool_]
Float64s = NDArray[np.float64]


class Padded(NamedTuple):
    """Steps as arrays of one size; what isn't there is zeros, and never allowed.

    Attributes:
        candidates: (n, n_candidates, n_action).
        items: (n, n_slots): the candidate in each slot.
        filled: (n, n_slots): whether the slot exists.
        allowed: (n, n_candidates): what might have gone into some slot.
        logged: (n, n_slots): log-propensities.
        clicks: (n, n_slots).
    """

    candidates: Float32s
    items: NDArray[np.intp]
    filled: Flags
    allowed: Flags
    logged: Float32s
    clicks: Flags

    @classmethod
    def of(cls, steps: Sequence[LoggedStep]) -> Padded:
        """All of the steps, in order."""
        n, n_action = len(steps), steps[0].candidates.shape[1]
        n_candidates, n_slots = max(len(step.candidates) for step in steps), max(len(step.items) for step in steps)
        made = cls(
            candidates=np.zeros((n, n_candidates, n_action), dtype=np.float32),
            items=np.zeros((n, n_slots), dtype=np.intp),
            filled=np.zeros((n, n_slots), dtype=np.bool_),
            allowed=np.zeros((n, n_candidates), dtype=np.bool_),
            logged=np.zeros((n, n_slots), dtype=np.float32),
            clicks=np.zeros((n, n_slots), dtype=np.bool_),
        )
        for row, step in enumerate(steps):
            c, k = len(step.candidates), len(step.items)
            made.candidates[row, :c], made.items[row, :k], made.filled[row, :k] = step.candidates, step.items, True
            made.allowed[row, :c], made.logged[row, :k] = step.allowed.any(axis=0), step.logged
            made.clicks[row, :k] = step.clicks
        return made

    @property
    def shown(self) -> Float32s:
        """(n, n_slots, n_action): zeros in slots that don't exist."""
        found = np.take_along_axis(self.candidates, self.items[:, :, None], axis=1)
        found[~self.filled] = 0.0
        return found

    @property
    def outcome(self) -> Float32s:
        """(n, n_slots + 1): see ``net.Step``."""
        return outcomes(self.clicks)


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
    n_slots = padded.filled.sum(axis=1)
    shown = _with(shown_chances(np.exp(padded.logged.astype(np.float64)), n_slots), np.ones(len(served)))
    ratio = np.minimum(likely / np.maximum(chances * shown, _SMALLEST), 1.0)
    return Moments(
        taken=_float32((padded.outcome * values).sum(axis=1)),
        served=_float32((chances * values).sum(axis=1)),
        best=_float32(best),
        traces=_float32((padded.outcome * ratio).sum(axis=1)),
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
    lengths = padded.filled.sum(axis=1)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        weights, looks = believed.weights[rows], _looks(believed.slots, length)
        slates, worth[rows] = search.best(
            weights, believed.values[rows], believed.nothing[rows], looks, allowed=padded.allowed[rows]
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
