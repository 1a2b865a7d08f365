"""Finished trajectories as one batch to learn from: padded, valued by the critic, corrected for who served them.

In: trajectories of logged steps. Out: a ``Batch``, the same for the same trajectories and the same agent.

With credit by item, a step without a click has importance 1, although how often nothing is clicked depends on the
slate; what would correct it is the slate's own weight, which vanishes with the number of slates there are
(``objective.py``). So the critic's targets are the value of no policy: steps without a click count as often as they
came, clicks as often as the learning policy would show what was clicked. Where that policy is clicked more often than
the one that served, they are too low. With two items, clicked in 90 % and 10 % of cases and served evenly, the critic
learns 0.7 where the learning policy earns 0.9. What is lacking everywhere alike is taken out of the advantages
(``_normalised``); what is lacking at some moments more than at others is paid for clicks there, whatever is clicked.
When the agent serves itself, importance is about 1 throughout, and the values are its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from policies.gradient.nets import Agent
from policies.gradient.objective import Batch, credited, log_likelihood
from policies.gradient.options import GradientOptions
from policies.gradient.plackett_luce import Slates
from policies.gradient.vtrace import corrected
from policies.neural.dense import Float32s
from policies.neural.nets import tensor
from policies.neural.padded import Padded
from policies.neural.sessions import LoggedTrajectory, histories_of


def batch_of(trajectories: Sequence[LoggedTrajectory], agent: Agent, options: GradientOptions) -> Batch:
    """What to learn from trajectories, at least one."""
    steps = [step for one in trajectories for step in one.steps]
    histories = [histories_of(one) for one in trajectories]
    contexts, padded = tensor(np.stack([step.context for step in steps])), Padded.of(steps)
    candidates, slates, logged = tensor(padded.candidates), _slates(padded), tensor(padded.logged)
    clicked = tensor(padded.clicks) if options.block_credit == "item" else None
    now = log_likelihood(agent, contexts, candidates, slates, clicked)
    ratio = torch.exp(torch.clamp(now - credited(logged, slates, clicked), -20.0, 20.0))
    importance = ratio.clamp(max=options.most_importance)
    values = _values(trajectories, histories, agent)
    gains, targets = _corrected(trajectories, values, importance.numpy(), options)
    return Batch(
        contexts=contexts,
        histories=tensor(np.concatenate([one[:-1] for one in histories])),
        candidates=candidates,
        slates=slates,
        credited=clicked,
        importance=importance,
        advantages=tensor(_normalised(gains, importance.numpy())),
        targets=tensor(targets),
    )


def _corrected(
    trajectories: Sequence[LoggedTrajectory], values: Float32s, ratio: Float32s, options: GradientOptions
) -> tuple[Float32s, Float32s]:
    gains, targets, at = [], [], 0
    for number, one in enumerate(trajectories):
        n = len(one.steps)
        of_one = values[at + number : at + number + n + 1].copy()
        if one.ended:
            of_one[-1] = 0.0
        rewards = np.array([step.rewards.sum() for step in one.steps], dtype=np.float32)
        found = corrected(rewards, of_one, ratio[at : at + n], lambda_=options.trace, gamma=options.gamma)
        gains.append(found.advantages)
        targets.append(found.targets)
        at += n
    return np.concatenate(gains), np.concatenate(targets)


def _normalised(gains: Float32s, importance: Float32s) -> Float32s:
    """Advantages with mean 0 and size 1 under the policy that learns.

    Under that policy, not the one that served: whatever the critic lacks would otherwise be paid for every click.
    """
    shares = importance / max(float(importance.sum()), 1e-6)
    centred = gains - np.float32((shares * gains).sum())
    found: Float32s = centred / np.float32(np.sqrt((shares * np.square(centred)).sum()) + 1e-6)
    return found


@torch.no_grad()
def _values(trajectories: Sequence[LoggedTrajectory], histories: Sequence[Float32s], agent: Agent) -> Float32s:
    """Of all trajectories one after the other, each with what came after it; anything where nothing did."""
    contexts = np.concatenate([_contexts(one) for one in trajectories])
    found: Float32s = agent.values(tensor(contexts), tensor(np.concatenate(histories))).numpy()
    return found


def _contexts(trajectory: LoggedTrajectory) -> Float32s:
    """Before each step and after the last, (n_steps + 1, n_context); zeros there if nothing followed."""
    known = [step.context for step in trajectory.known]
    return np.stack([*known, np.zeros_like(known[0])] if trajectory.ended else known)


def _slates(padded: Padded) -> Slates:
    if padded.filled.all() and padded.allowed.all():
        return Slates(tensor(padded.items))
    return Slates(tensor(padded.items), tensor(padded.filled), tensor(padded.allowed))
