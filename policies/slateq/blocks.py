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
from torch import Tensor

from policies.neural.dense import Float32s
from policies.neural.logged import LoggedStep
from policies.neural.nets import tensor
from policies.neural.padded import Shown
from policies.neural.returns import advantages
from policies.neural.sessions import LoggedTrajectory, Told, told
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
    sessions = [told(one) for one in trajectories]
    steps = [step for one in sessions for step in _known(one)]
    contexts = tensor(np.stack([step.context for step in steps]))
    histories = tensor(np.concatenate([one.histories[: len(_known(one))] for one in sessions]))
    shown = Shown.of(steps)
    with torch.no_grad():
        values: Float32s = net.values(contexts, histories).numpy()
    gains = _gains(sessions, values, options)
    rows = tensor(np.flatnonzero(_usable(sessions)))
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


def _known(one: Told) -> tuple[LoggedStep, ...]:
    """Steps, and the one after them where there is one."""
    return one.steps if one.after is None else (*one.steps, one.after)


def _usable(sessions: Sequence[Told]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.concatenate([np.arange(len(_known(one))) < len(one.steps) for one in sessions])


def _gains(sessions: Sequence[Told], values: Float32s, options: SlateQOptions) -> Float32s:
    """Of every known step, what it brought beyond its value; 0 of those that are only looked ahead to."""
    found, at = np.zeros(len(values), dtype=np.float32), 0
    for one in sessions:
        n, known = len(one.steps), len(_known(one))
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
