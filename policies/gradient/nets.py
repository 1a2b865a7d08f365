"""The nets of the policy gradient: an item scorer, and a critic that also knows the session so far.

In: vectors of contexts, candidates and histories. Out: a score for each candidate, and the value of a moment.
The scorer is two towers: the context's gives a direction, a candidate's score is its inner product with the candidate's
vector, to which a layer of its own may add learned coordinates. The served half is computed again in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from policies.gradient.shapes import VALUE_SCALE
from policies.neural.arrays import Arrays, part
from policies.neural.nets import Tower


class Scorer(nn.Module):
    """Scores of candidates; 0 before the first lesson, so that every slate is equally likely."""

    def __init__(self, n_context: int, n_action: int, *, hidden: Sequence[int], item_units: int = 0) -> None:
        """A candidate has ``item_units`` learned coordinates beside its own."""
        super().__init__()
        self.context = Tower(n_context, n_action + item_units, hidden)
        self.item = nn.Linear(n_action, item_units) if item_units else None

    def forward(self, contexts: Tensor, candidates: Tensor) -> Tensor:
        """(n, n_context) and (n, n_candidates, n_action) → (n, n_candidates)."""
        if self.item is not None:
            candidates = torch.cat([candidates, torch.relu(self.item(candidates))], dim=-1)
        scores: Tensor = (candidates * self.context(contexts).unsqueeze(-2)).sum(dim=-1)
        return scores


class Agent(nn.Module):
    """Both nets.

    Attributes:
        scorer: What serves.
        critic: The value of a moment by context and history; a training aid.
    """

    def __init__(
        self, sizes: tuple[int, int, int], *, hidden: Sequence[int], item_units: int = 0, seed: int = 0
    ) -> None:
        """Sizes: lengths of the vectors of a context, an action and a history. The seed decides the first weights."""
        super().__init__()
        n_context, n_action, n_history = sizes
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.scorer = Scorer(n_context, n_action, hidden=hidden, item_units=item_units)
            self.critic = Tower(n_context + n_history, 1, hidden)

    def values(self, contexts: Tensor, histories: Tensor) -> Tensor:
        """(n, n_context) and (n, n_history) → (n,)."""
        found: Tensor = VALUE_SCALE * self.critic(torch.cat([contexts, histories], dim=-1)).squeeze(-1)
        return found


def arrays_of_scorer(arrays: Arrays) -> Arrays:
    """Those of an ``Agent`` that serving needs."""
    return part(arrays, "scorer")
