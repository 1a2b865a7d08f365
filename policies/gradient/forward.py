"""The scorer of ``policies/gradient/nets.py`` in NumPy: how replicas and rollouts compute it.

In: float32 vectors of contexts and candidates. Out: scores; the same as torch up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError
from policies.neural.arrays import part
from policies.neural.dense import Float32s
from policies.neural.forward import ForwardTower


class ForwardScorer:
    """A ``Scorer`` with fixed parameters, in NumPy.

    Attributes:
        n_context: Length of a context's vector.
        n_action: Length of an action's vector.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """From the arrays of a ``Scorer``.

        Raises:
            PolicyError: if they are none.
        """
        self._context = ForwardTower(part(arrays, "context"))
        weight = arrays.get("item.weight")
        n_own, self._item = 0, None
        if weight is not None:
            n_own, self._item = len(weight), (np.ascontiguousarray(weight.T), arrays["item.bias"])
        self.n_context, self.n_action = self._context.n_inputs, self._context.n_outputs - n_own
        if self._item is not None and len(self._item[0]) != self.n_action:
            raise PolicyError(f"no scorer: {self.n_action} coordinates of an action beside {len(self._item[0])}")

    def __call__(self, contexts: Float32s, candidates: Float32s) -> Float32s:
        """(…, n_context) and (…, n_candidates, n_action) → (…, n_candidates)."""
        directions = self._context(contexts)[..., np.newaxis, :]
        if self._item is None:
            return _inner(directions, candidates)
        known, own = directions[..., : self.n_action], directions[..., self.n_action :]
        learned = np.maximum(candidates @ self._item[0] + self._item[1], np.float32(0.0))
        return _inner(known, candidates) + _inner(own, learned)


def _inner(directions: Float32s, rows: Float32s) -> Float32s:
    """Each row by itself, so that no row's result depends on which others there are."""
    found: Float32s = np.einsum("...ki,...ki->...k", np.broadcast_to(directions, rows.shape), rows)
    return found
