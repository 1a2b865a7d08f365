"""What the policy gradient minimises: the clipped objective of PPO over slates, and the critic's error.

In: a batch of steps with their advantages. Out: a loss in torch, and the updates that lower it.

With r = π(A|x) / π₀(A|x), where π₀ is the policy before this block of updates and A the ordered slate, a step adds
w · min(r · a, clip(r, 1 − ε, 1 + ε) · a). Its weight w is min(c, π₀(A|x) / μ(A|x)), where μ is the policy that served,
known by its logged propensities. On its own data, π₀ = μ and w = 1: PPO with the logged propensities as the old policy.
On others' data it is a step of truncated importance sampling that can't leave π₀ by more than the clip allows.

Credit decides what stands for π(A|x). Of the *slate*: its exact probability. Of the *item* that was clicked: the
probability that it is shown, with top-K correction (``plackett_luce.inclusions``), and a step without a click moves
nothing. If reward and what comes next depend on the slate through the clicked item alone, then putting item i into a
slate of value Q changes that value by P(i clicked) · (q_i − Q), and that is what advantages of clicks on i add up to.
It is the only way to learn from others' slates: a slate's own weight vanishes with the number of slates there are.

Source: Schulman et al. 2017, "Proximal Policy Optimization Algorithms", arXiv:1707.06347, equation 7; Luo et al. 2020,
"IMPACT: Importance Weighted Asynchronous Architectures with Clipped Target Networks", arXiv:1912.00167, for the second
ratio.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from policies.gradient.nets import Agent
from policies.gradient.options import GradientOptions
from policies.gradient.plackett_luce import Slates, inclusions, log_likelihoods
from policies.gradient.shapes import VALUE_SCALE


class Batch(NamedTuple):
    """Steps, as tensors; the first axis is theirs.

    Attributes:
        contexts: (n, n_context).
        histories: (n, n_history).
        candidates: (n, n_candidates, n_action).
        slates: What was shown.
        credited: (n, n_slots): the slots whose items were clicked, for credit by item; None for credit by slate.
        importance: (n,): w.
        advantages: (n,).
        targets: (n,): what the critic should have said.
    """

    contexts: Tensor
    histories: Tensor
    candidates: Tensor
    slates: Slates
    credited: Tensor | None
    importance: Tensor
    advantages: Tensor
    targets: Tensor

    def take(self, rows: Tensor) -> Batch:
        """Some of the steps."""
        return Batch(
            self.contexts[rows],
            self.histories[rows],
            self.candidates[rows],
            self.slates.take(rows),
            None if self.credited is None else self.credited[rows],
            self.importance[rows],
            self.advantages[rows],
            self.targets[rows],
        )


def loss(agent: Agent, batch: Batch, before: Tensor, options: GradientOptions) -> Tensor:
    """The loss of a batch.

    Args:
        agent: Whose gradients are wanted.
        batch: Steps.
        before: (n,): log π₀(A|x).
        options: Clip and entropy.
    """
    likely, undecided = log_likelihoods(agent.scorer(batch.contexts, batch.candidates), batch.slates)
    ratio = torch.exp(torch.clamp(credited(likely, batch.slates, batch.credited) - before, -20.0, 20.0))
    clipped = torch.clamp(ratio, 1.0 - options.clip, 1.0 + options.clip)
    gains = batch.importance * torch.minimum(ratio * batch.advantages, clipped * batch.advantages)
    bonus = options.entropy * undecided.sum(dim=1) / batch.slates.n_filled
    return critic_loss(agent, batch) - (gains + bonus).mean()


def critic_loss(agent: Agent, batch: Batch) -> Tensor:
    """Squared error of the critic, made small."""
    errors = agent.values(batch.contexts, batch.histories) - batch.targets
    return (errors * errors).mean() / VALUE_SCALE


def credited(likely: Tensor, slates: Slates, clicked: Tensor | None) -> Tensor:
    """What stands for log π(A|x), shape (n,).

    Args:
        likely: (n, n_slots): log-probabilities of the slots' items, of whatever policy.
        slates: What was shown.
        clicked: (n, n_slots) for credit by item; None for credit by slate.
    """
    if clicked is None:
        return likely.sum(dim=1)
    filled = torch.ones_like(clicked) if slates.filled is None else slates.filled
    left = filled.flip(1).cumsum(dim=1).flip(1).clamp(min=1)
    return (inclusions(likely, left) * clicked).sum(dim=1)


@torch.no_grad()
def log_likelihood(
    agent: Agent, contexts: Tensor, candidates: Tensor, slates: Slates, clicked: Tensor | None
) -> Tensor:
    """What stands for log π(A|x) as the agent is now, shape (n,)."""
    likely, _ = log_likelihoods(agent.scorer(contexts, candidates), slates)
    return credited(likely, slates, clicked)


class Passes(NamedTuple):
    """How often a block is learned from.

    Attributes:
        n: Times.
        minibatch: Steps of one update.
    """

    n: int
    minibatch: int


def improve(
    agent: Agent,
    optimizer: torch.optim.Optimizer,
    block: Batch,
    *,
    options: GradientOptions,
    passes: Passes,
    dice: np.random.Generator,
) -> None:
    """Several passes over a block in small batches, in an order drawn anew for each pass.

    The scorer's gradient is cut, the critic's is not. Cut to one length, "a little more" of the many steps amid an
    episode outvotes "far less" of the few at its end, and a critic that learns from its own values then runs away.
    """
    before = log_likelihood(agent, block.contexts, block.candidates, block.slates, block.credited)
    n = len(before)
    for _ in range(passes.n):
        order = torch.from_numpy(dice.permutation(n))
        for start in range(0, n, passes.minibatch):
            rows = order[start : start + passes.minibatch]
            optimizer.zero_grad()
            loss(agent, block.take(rows), before[rows], options).backward()  # type: ignore[no-untyped-call]  # torch
            torch.nn.utils.clip_grad_norm_(agent.scorer.parameters(), options.gradient_norm)
            optimizer.step()
