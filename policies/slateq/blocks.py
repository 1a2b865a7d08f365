"""Finished trajectories as one batch to learn from: what each click should have been believed to be worth.

In: trajectories of logged steps. Out: a ``Batch``, the same for the same trajectories and the same nets.

With V(x) what a moment is worth to whoever served, the value of an item's click is Q = V + a − ā, where a is the item's
advantage and ā that of the slate that was served; so only differences of advantages count. The best slate is worth
V + a* − ā, where a* is its advantage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from policies.neural.dense import Float32s
from policies.neural.logged import LoggedStep
from policies.neural.nets import tensor
from policies.neural.padded import Padded
from policies.neural.sessions import LoggedTrajectory, Told, told
from policies.slateq.moments import Moments, moments_of
from policies.slateq.net import SlateQNet, Step
from policies.slateq.options import SlateQOptions
from policies.slateq.retrace import retraced
from policies.slateq.steps import outcomes


class Batch(NamedTuple):
    """Steps, as tensors.

    Attributes:
        step: What is trained on; slots that don't exist are zeros.
        shown: (n, n_slots + 1): which slots exist; last, no click, which is always possible.
    """

    step: Step
    shown: Tensor

    def take(self, rows: Tensor) -> Batch:
        """Some of them."""
        return Batch(Step(*(column[rows] for column in self.step)), self.shown[rows])


def batch_of(trajectories: Sequence[LoggedTrajectory], net: SlateQNet, options: SlateQOptions) -> Batch:
    """What to learn from trajectories, at least one."""
    sessions = [told(one) for one in trajectories]
    steps = [step for one in sessions for step in _known(one)]
    contexts = tensor(np.stack([step.context for step in steps]))
    histories = tensor(np.concatenate([one.histories[: len(_known(one))] for one in sessions]))
    padded = Padded.of(steps)
    with torch.no_grad():
        values: Float32s = net.values(contexts, histories).numpy()
        moments = moments_of(padded, contexts, net)
    returns = _returns(sessions, values, moments, options)
    rows = tensor(np.flatnonzero(_usable(sessions)))
    step = Step(
        contexts=contexts,
        histories=histories,
        shown=tensor(padded.shown),
        outcome=tensor(outcomes(padded.clicks)),
        returns=tensor(returns),
        gains=tensor(returns - values),
    )
    nothing = np.ones((len(steps), 1), dtype=np.bool_)
    return Batch(step, tensor(np.concatenate([padded.filled, nothing], axis=1))).take(rows)


def _known(one: Told) -> tuple[LoggedStep, ...]:
    """Steps, and the one after them where there is one."""
    return one.steps if one.after is None else (*one.steps, one.after)


def _usable(sessions: Sequence[Told]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.concatenate([np.arange(len(_known(one))) < len(one.steps) for one in sessions])


def _returns(sessions: Sequence[Told], values: Float32s, moments: Moments, options: SlateQOptions) -> Float32s:
    """Of every known step; 0 of those that are only looked ahead to."""
    found = np.zeros(len(values), dtype=np.float32)
    believed, best = values + moments.taken - moments.served, values + moments.best - moments.served
    at = 0
    for one in sessions:
        n = len(one.steps)
        here = slice(at, at + n)
        ahead = np.zeros(n, dtype=np.float32)
        following = best[at + 1 : at + len(_known(one))]
        ahead[: len(following)] = following
        found[here] = retraced(
            np.array([step.rewards.sum() for step in one.steps], dtype=np.float32),
            believed[here],
            ahead,
            moments.traces[here],
            lambda_=options.block_trace,
            gamma=options.gamma,
        )
        at += len(_known(one))
    return found
