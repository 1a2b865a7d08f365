"""Finished trajectories as one batch to learn from: what each click should have been believed to be worth.

In: trajectories of logged steps. Out: a ``Batch``, the same for the same trajectories and the same nets.

A step's return is the λ-return under the values believed so far: what whoever served earned, and went on to earn. So an
item is worth what it brings when the rest of the session is served as it was; choosing the best items improves on that,
and once the improved slates are served, their sessions teach the next improvement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from policies.neural.dense import Float32s
from policies.neural.nets import tensor
from policies.neural.padded import Shown
from policies.neural.returns import advantages
from policies.neural.sessions import LoggedTrajectory, histories_of
from policies.slateq.net import SlateQNet, Step
from policies.slateq.options import SlateQOptions
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
    steps = [step for one in trajectories for step in one.known]
    contexts = tensor(np.stack([step.context for step in steps]))
    histories = tensor(np.concatenate([histories_of(one)[: len(one.known)] for one in trajectories]))
    shown = Shown.of(steps)
    with torch.no_grad():
        values: Float32s = net.values(contexts, histories).numpy()
    gains = _gains(trajectories, values, options)
    rows = tensor(np.flatnonzero(_usable(trajectories)))
    step = Step(
        contexts=contexts,
        histories=histories,
        shown=tensor(shown.items),
        outcome=tensor(outcomes(shown.clicks)),
        returns=tensor(gains + values),
        gains=tensor(gains),
    )
    nothing = np.ones((len(steps), 1), dtype=np.bool_)
    return Batch(step, tensor(np.concatenate([shown.filled, nothing], axis=1))).take(rows)


def _usable(trajectories: Sequence[LoggedTrajectory]) -> NDArray[np.bool_]:
    return np.concatenate([np.arange(len(one.known)) < len(one.steps) for one in trajectories])


def _gains(trajectories: Sequence[LoggedTrajectory], values: Float32s, options: SlateQOptions) -> Float32s:
    """Of every known step, what it brought beyond its value; 0 of those that are only looked ahead to."""
    found, at = np.zeros(len(values), dtype=np.float32), 0
    for one in trajectories:
        n, known = len(one.steps), len(one.known)
        before, after = values[at : at + n], np.zeros(n, dtype=np.float32)
        after[: known - 1] = values[at + 1 : at + known]
        ended, cut = np.zeros((2, n, 1), dtype=np.bool_)
        ended[-1], cut[-1] = one.ended, not one.ended
        rewards = np.array([step.rewards.sum() for step in one.steps], dtype=np.float32)
        found[at : at + n] = advantages(
            rewards[:, None],
            before[:, None],
            after[:, None],
            ended=ended,
            cut=cut,
            lambda_=options.block_trace,
            gamma=options.gamma,
        )[:, 0]
        at += known
    return found
