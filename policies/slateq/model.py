"""SlateQ's nets in NumPy: values and choice weights of candidates, for replicas and rollouts.

In: the parameters, and vectors of contexts and candidates. Out: what ``search.py`` finds slates by.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from policies.base import PolicyError
from policies.neural.arrays import part
from policies.neural.forward import ArraysLike, Floats, ForwardTower

LARGEST = 20.0
"""Log-weights end here, on either side: e^20 is surely clicked."""


class Prospects(NamedTuple):
    """What each candidate promises.

    Attributes:
        weights: (…, n_candidates): in the user's choice, in a slot of multiplier 1; no click has 1.
        values: (…, n_candidates): advantage once clicked.
        nothing: (…,): advantage of no click.
    """

    weights: Floats
    values: Floats
    nothing: Floats


class SlateQModel:
    """Fixed parameters.

    Attributes:
        slots: (n_slots,): what each slot multiplies weights by.
        n_context: Length of a context's vector.
        n_action: Length of an action's vector.
    """

    def __init__(self, arrays: ArraysLike) -> None:
        """From the parameters of a ``SlateQNet``; those that only training needs may lack.

        Raises:
            PolicyError: if they are something else.
        """
        try:
            self._advantage = ForwardTower(part(arrays, "advantage"))
            self._item = (arrays["item.weight"].T.copy(), arrays["item.bias"]) if "item.weight" in arrays else None
            self._affinity = arrays["affinity.weight"].T.copy()
            self._appeal = arrays["appeal.weight"][0]
            self._bend = arrays["bend_in.weight"][:, 0], arrays["bend_in.bias"], arrays["bend_out.weight"][0]
            self.slots: Floats = np.exp(arrays["slots"] - arrays["slots"].max())
            self._first = arrays["slots"].max()
        except (KeyError, IndexError, ValueError) as error:
            raise PolicyError(f"no SlateQ model: {error}") from error
        n_item, self.n_context = len(self._appeal), self._advantage.n_inputs
        self.n_action = n_item if self._item is None else len(self._item[0])
        if self._advantage.n_outputs != n_item + 1 or self._affinity.shape != (self.n_context, n_item):
            raise PolicyError("no SlateQ model: its nets don't fit together")

    def prospects(self, contexts: Floats, candidates: Floats) -> Prospects:
        """Of every candidate: contexts (…, n_context), candidates (…, n_candidates, n_action)."""
        items = self._items(candidates)
        found = self._advantage(contexts)
        affinity = (contexts @ self._affinity)[..., None]
        match = (items @ affinity)[..., 0]
        log_weights = match + items @ self._appeal + self._bent(match)
        log_weights += self._first
        return Prospects(
            weights=np.exp(np.clip(log_weights, -LARGEST, LARGEST)),
            values=(items @ found[..., :-1, None])[..., 0],
            nothing=found[..., -1],
        )

    def _items(self, candidates: Floats) -> Floats:
        if self._item is None:
            return candidates
        learned = np.maximum(candidates @ self._item[0] + self._item[1], 0.0)
        return np.concatenate([candidates, learned], axis=-1)

    def _bent(self, match: Floats) -> Floats:
        slope, shift, out = self._bend
        found: Floats = np.tanh(match[..., None] * slope + shift) @ out
        return found
