"""Plackett–Luce slates in torch: how likely an ordered slate was, and how undecided each slot. For training alone.

In: scores and slates of many requests, which may have offered and shown different numbers of items. Out: for each slot
the log-probability of its item given the slots before it, and the entropy of what it was drawn from.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_NEVER = -1e9
_SUREST = -1e-6
"""A probability of 1 has no finite odds against it; its logarithm is taken to be this."""

_RAREST = -80.0
"""Log-probabilities below are of so little that 1 − (1 − π)^m is m π to the last digit; float32 has no π below −104."""


class Slates(NamedTuple):
    """Ordered slates of many requests.

    Attributes:
        items: (n, n_slots) integers: the candidate in each slot; anything where there is no slot.
        filled: (n, n_slots): whether the slot exists; None where all do.
        allowed: (n, n_slots, n_candidates): what might have gone there before earlier slots took it; False where there
            is no candidate. None where all might.
    """

    items: Tensor
    filled: Tensor | None = None
    allowed: Tensor | None = None

    def take(self, rows: Tensor) -> Slates:
        """Some of them."""
        filled, allowed = self.filled, self.allowed
        return Slates(
            self.items[rows], None if filled is None else filled[rows], None if allowed is None else allowed[rows]
        )

    @property
    def n_filled(self) -> Tensor | int:
        """Slots of each slate."""
        return self.items.shape[1] if self.filled is None else self.filled.sum(dim=1)


def log_likelihoods(scores: Tensor, slates: Slates) -> tuple[Tensor, Tensor]:
    """How likely each slot's item was, and how undecided the slot; exact.

    The probability of an ordered slate is the product of its slots' conditional probabilities, each a softmax over what
    is allowed there and not taken by a slot before.

    Args:
        scores: (n, n_candidates).
        slates: Of the same requests.

    Returns:
        Log-probabilities and entropies, both (n, n_slots), 0 where there is no slot.

    Source: Plackett 1975, "The analysis of permutations".
    """
    taken = torch.zeros_like(scores, dtype=torch.bool)
    found = []
    for slot, item in enumerate(slates.items.unsqueeze(-1).unbind(dim=1)):
        barred = taken if slates.allowed is None else taken | ~slates.allowed[:, slot]
        logs = torch.log_softmax(scores.masked_fill(barred, _NEVER), dim=-1)
        found.append(torch.stack([logs.gather(1, item).squeeze(-1), -(logs.exp() * logs).sum(dim=-1)]))
        taken = taken.scatter(1, item, True)
    both = torch.stack(found, dim=-1)
    if slates.filled is not None:
        both = both.masked_fill(~slates.filled, 0.0)
    return both[0], both[1]


def inclusions(likely: Tensor, left: Tensor) -> Tensor:
    """Log-probability that an item would have been shown in this slot or a later one.

    With π its probability in this slot, were the ``left`` = m slots from here on filled independently, it is
    α = 1 − (1 − π)^m. Then ∇ log α = (m (1 − π)^(m − 1) · π / α) ∇ log π: an item that a later slot would have shown
    anyway earns less by being shown here. This is the top-K correction m (1 − π)^(m − 1) with α's importance weight in
    place of π's; for the last slot, m = 1, it changes nothing. However small π is, the result and its gradient are
    finite: towards 0 it becomes log m + log π, so an item beyond hope is pushed as any rare one is.

    Args:
        likely: Log-probabilities of slots' items, any shape.
        left: Slots from this one on, this one included; integers of the same shape.

    Source: Chen et al. 2019, "Top-K Off-Policy Correction for a REINFORCE Recommender System", arXiv:1812.02353,
    section 4.3, there for slots that are all alike.
    """
    against = torch.log1p(-torch.exp(torch.clamp(likely, min=_RAREST, max=_SUREST)))
    rare = likely + torch.log(left.to(likely.dtype))
    return torch.where(likely < _RAREST, rare, torch.log(-torch.expm1(left * against)))
