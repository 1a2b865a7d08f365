"""The nets of SlateQ in torch, and what they are trained on. For training alone; ``model.py`` serves the same.

In: vectors of contexts, histories and the items shown. Out: the value of a moment, the advantage of each item once
clicked and of no click, and the log-weight of each item in the user's choice, that of no click being 0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from policies.neural.nets import Tower
from policies.slateq.options import SlateQOptions
from policies.slateq.shapes import N_CHOICE_UNITS


class Sizes(NamedTuple):
    """Lengths of what comes in.

    Attributes:
        n_context: Of a context's vector.
        n_action: Of an action's vector.
        n_history: Of a session's history.
        n_slots: Of a slate.
    """

    n_context: int
    n_action: int
    n_history: int
    n_slots: int


class Step(NamedTuple):
    """Steps to train on, as tensors.

    Attributes:
        contexts: (n, n_context).
        histories: (n, n_history).
        shown: (n, n_slots, n_action).
        outcome: (n, n_slots + 1): share of each slot in what was clicked, or all in the last place where nothing was.
        returns: (n,): λ-returns, scaled.
        gains: (n,): λ-returns less the value of the moment, scaled.
    """

    contexts: Tensor
    histories: Tensor
    shown: Tensor
    outcome: Tensor
    returns: Tensor
    gains: Tensor


class Outlook(NamedTuple):
    """What the nets say of moments and slates.

    Attributes:
        values: (n,), scaled as rewards are.
        advantages: (n, n_slots + 1): of each slot's item once clicked and, last, of no click.
        log_weights: (n, n_slots + 1): in the user's choice.
    """

    values: Tensor
    advantages: Tensor
    log_weights: Tensor


class Losses(NamedTuple):
    """Means over the steps."""

    value: Tensor
    item: Tensor
    choice: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return self.value + self.item + self.choice


class SlateQNet(nn.Module):
    """Value, item advantages and choice; see the module."""

    def __init__(self, options: SlateQOptions, sizes: Sizes) -> None:
        """Everything is 0 at first, so the first slates are as the candidates come."""
        super().__init__()
        n_item = sizes.n_action + options.item_units
        self.value_scale = options.value_scale
        self.value = Tower(sizes.n_context + sizes.n_history, 1, options.hidden)
        self.advantage = Tower(sizes.n_context, n_item + 1, options.hidden)
        self.item = nn.Linear(sizes.n_action, options.item_units) if options.item_units else None
        self.affinity = nn.Linear(sizes.n_context, n_item, bias=False)
        self.appeal = nn.Linear(n_item, 1, bias=False)
        self.bend_in, self.bend_out = nn.Linear(1, N_CHOICE_UNITS), nn.Linear(N_CHOICE_UNITS, 1, bias=False)
        self.slots = nn.Parameter(torch.zeros(sizes.n_slots))
        for last in (self.affinity, self.appeal, self.bend_out):
            nn.init.zeros_(last.weight)

    def items(self, actions: Tensor) -> Tensor:
        """What the other nets see of items: (…, n_action) → (…, n_item)."""
        return actions if self.item is None else torch.cat([actions, torch.relu(self.item(actions))], dim=-1)

    def values(self, contexts: Tensor, histories: Tensor) -> Tensor:
        """(n,), scaled as rewards are."""
        found: Tensor = self.value(torch.cat([contexts, histories], dim=-1))[..., 0]
        return found * self.value_scale

    def advantages(self, contexts: Tensor, items: Tensor) -> Tensor:
        """Of each slot's item and of no click: (n, n_slots + 1)."""
        found = self.advantage(contexts)
        of_items = (items @ found[:, :-1, None])[..., 0]
        return torch.cat([of_items, found[:, -1:]], dim=1)

    def log_weights(self, contexts: Tensor, items: Tensor) -> Tensor:
        """Of each slot's item and, last, of no click (0): (n, n_slots + 1)."""
        found = self.appeals(contexts, items) + self._looks(items.shape[1])
        return torch.cat([found, torch.zeros_like(found[:, :1])], dim=1)

    def appeals(self, contexts: Tensor, items: Tensor) -> Tensor:
        """Log-weight of each item wherever it stands: (n, n_items)."""
        match = items @ self.affinity(contexts)[:, :, None]
        found: Tensor = (match + self.bend_out(torch.tanh(self.bend_in(match))) + self.appeal(items))[..., 0]
        return found

    def outlook(self, contexts: Tensor, histories: Tensor, shown: Tensor) -> Outlook:
        """All that is trained, of so many moments."""
        items = self.items(shown)
        return Outlook(
            self.values(contexts, histories), self.advantages(contexts, items), self.log_weights(contexts, items)
        )

    def _looks(self, n: int) -> Tensor:
        """Of so many slots; those beyond the slates that the net was made for are as the last of these."""
        known = len(self.slots)
        return self.slots[:n] if n <= known else torch.cat([self.slots, self.slots[-1:].expand(n - known)])


def losses_of(outlook: Outlook, step: Step, options: SlateQOptions) -> Losses:
    """Value and advantages by squared error, the choice by cross-entropy."""
    errors = outlook.advantages - step.gains[:, None]
    chances = torch.log_softmax(outlook.log_weights, dim=1)
    return Losses(
        value=(outlook.values - step.returns).square().mean() / options.value_scale,
        item=(step.outcome * errors.square()).sum(dim=1).mean(),
        choice=-(step.outcome * chances).sum(dim=1).mean(),
    )
