"""SlateQ's nets in NumPy: values and choice weights of candidates, for replicas and rollouts.

In: the parameters, and vectors of contexts and candidates. Out: what ``search.py`` finds slates by.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from policies.base import PolicyError
from policies.neural.arrays import part
from policies.neural.forward import ArraysLike, Floats, ForwardTower, ItemLayer

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
            self._items = ItemLayer(arrays)
            self._affinity = arrays["affinity.weight"].T.copy()
            self._appeal = arrays["appeal.weight"][0]
            self._bend = arrays["bend_in.weight"][:, 0], arrays["bend_in.bias"], arrays["bend_out.weight"][0]
            self.slots: Floats = np.exp(arrays["slots"] - arrays["slots"].max())
            self._first = arrays["slots"].max()
        except (KeyError, IndexError, ValueError) as error:
            raise PolicyError(f"no SlateQ model: {error}") from error
        n_item, self.n_context = len(self._appeal), self._advantage.n_inputs
        self.n_action = n_item - self._items.n_learned
        if self._items.n_inputs not in (None, self.n_action):
            raise PolicyError(f"no SlateQ model: {self.n_action} coordinates beside {self._items.n_inputs}")
        if self._advantage.n_outputs != n_item + 1 or self._affinity.shape != (self.n_context, n_item):
            raise PolicyError("no SlateQ model: its nets don't fit together")

    def prospects(self, contexts: Floats, candidates: Floats) -> Prospects:
        """Of every candidate: contexts (…, n_context), candidates (…, n_candidates, n_action)."""
        return self.prospects_of(contexts, self.rows(candidates))

    def rows(self, candidates: Floats) -> Floats:
        """What no context changes: (…, n_action) → (…, n_item + 1), items as the nets see them and their appeal."""
        items = self._items(candidates)
        return np.concatenate([items, (items @ self._appeal + self._first)[..., None]], axis=-1)

    def prospects_of(self, contexts: Floats, rows: Floats) -> Prospects:
        """Of what ``rows`` made, (…, n_candidates, n_item + 1)."""
        items, found = rows[..., :-1], self._advantage(contexts)
        match = (items @ (contexts @ self._affinity)[..., None])[..., 0]
        log_weights = match + rows[..., -1]
        log_weights += self._bent(match)
        return Prospects(
            weights=np.exp(np.minimum(np.maximum(log_weights, -LARGEST), LARGEST)),
            values=(items @ found[..., :-1, None])[..., 0],
            nothing=found[..., -1],
        )

    def _bent(self, match: Floats) -> Floats:
        slope, shift, out = self._bend
        raised = match[..., None] * slope
        raised += shift
        found: Floats = np.tanh(raised, out=raised) @ out
        return found
