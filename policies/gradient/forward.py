"""The scorer of ``policies/gradient/nets.py`` in NumPy: how replicas and rollouts compute it.

In: vectors of contexts and candidates. Out: scores; the same as torch up to rounding.
"""

from __future__ import annotations

from policies.base import PolicyError
from policies.neural.arrays import part
from policies.neural.forward import ArraysLike, Floats, ForwardTower, ItemLayer


class ForwardScorer:
    """A ``Scorer`` with fixed parameters, in NumPy; as precise as its parameters.

    Attributes:
        n_context: Length of a context's vector.
        n_action: Length of an action's vector.
        items: (…, n_action) → (…, n_item): what the scores look at, whatever the context.
    """

    def __init__(self, arrays: ArraysLike) -> None:
        """From the arrays of a ``Scorer``.

        Raises:
            PolicyError: if they are none.
        """
        self._context, self.items = ForwardTower(part(arrays, "context")), ItemLayer(arrays)
        self.n_context, self.n_action = self._context.n_inputs, self._context.n_outputs - self.items.n_learned
        if self.items.n_inputs not in (None, self.n_action):
            raise PolicyError(f"no scorer: {self.n_action} coordinates of an action beside {self.items.n_inputs}")

    def __call__(self, contexts: Floats, candidates: Floats) -> Floats:
        """(…, n_context) and (…, n_candidates, n_action) → (…, n_candidates)."""
        return self.scores(contexts, self.items(candidates))

    def scores(self, contexts: Floats, items: Floats) -> Floats:
        """The same of what ``items`` made, (…, n_candidates, n_item)."""
        found: Floats = (items @ self._context(contexts)[..., None])[..., 0]
        return found
