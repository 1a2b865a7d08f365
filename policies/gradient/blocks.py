"""Finished trajectories as one batch to learn from: padded, valued by the critic, corrected for who served them.

In: trajectories of logged steps. Out: a ``Batch``, the same for the same trajectories and the same agent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from policies.gradient.nets import Agent
from policies.gradient.objective import Batch, credited, log_likelihood
from policies.gradient.options import GradientOptions
from policies.gradient.plackett_luce import Slates
from policies.gradient.vtrace import corrected
from policies.neural.dense import Float32s
from policies.neural.nets import tensor
from policies.neural.padded import Padded
from policies.neural.sessions import LoggedTrajectory, Told, told


def batch_of(trajectories: Sequence[LoggedTrajectory], agent: Agent, options: GradientOptions) -> Batch:
    """What to learn from trajectories, at least one."""
    sessions = [told(one) for one in trajectories]
    steps = [step for one in sessions for step in one.steps]
    contexts = tensor(np.concatenate([one.contexts[:-1] for one in sessions]))
    histories = tensor(np.concatenate([one.histories[:-1] for one in sessions]))
    padded = Padded.of(steps)
    candidates, slates, logged = tensor(padded.candidates), _slates(padded), tensor(padded.logged)
    clicked = tensor(padded.clicks) if options.block_credit == "item" else None
    now = log_likelihood(agent, contexts, candidates, slates, clicked)
    ratio = torch.exp(torch.clamp(now - credited(logged, slates, clicked), -20.0, 20.0))
    importance = ratio.clamp(max=options.most_importance)
    gains, targets = _corrected(sessions, agent, importance.numpy(), options)
    return Batch(
        contexts=contexts,
        histories=histories,
        candidates=candidates,
        slates=slates,
        credited=clicked,
        importance=importance,
        advantages=tensor(_normalised(gains, importance.numpy())),
        targets=tensor(targets),
    )


def _corrected(
    sessions: Sequence[Told], agent: Agent, ratio: NDArray[np.float32], options: GradientOptions
) -> tuple[Float32s, Float32s]:
    values, gains, targets = _values(sessions, agent), [], []
    at = 0
    for number, one in enumerate(sessions):
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
def _values(sessions: Sequence[Told], agent: Agent) -> Float32s:
    """Of all trajectories one after the other, each with what came after it."""
    contexts = tensor(np.concatenate([one.contexts for one in sessions]))
    histories = tensor(np.concatenate([one.histories for one in sessions]))
    found: Float32s = agent.values(contexts, histories).numpy()
    return found


def _slates(padded: Padded) -> Slates:
    if padded.filled.all() and padded.allowed.all():
        return Slates(tensor(padded.items))
    return Slates(tensor(padded.items), tensor(padded.filled), tensor(padded.allowed))
