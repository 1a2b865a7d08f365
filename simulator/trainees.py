"""The agents that can be trained in a world, by kind.

In: a kind, its options, and what it will see. Out: an agent that knows nothing yet. Torch is loaded when one is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from envs.world import Indices
from policies.agents import KINDS
from policies.base import PolicyError
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder, Float32s
from policies.neural.history import n_features
from policies.neural.segment import Segment
from policies.spelling import meant


class Trainee(Protocol):
    """An agent that learns from its own slates.

    Attributes:
        keeps_candidates: Whether its segments must hold all candidates.
        reward_scale: Rewards are divided by this; None before the first segment.
        fixed: See ``policies.neural.learnable.Learnable``.
    """

    keeps_candidates: bool
    reward_scale: float | None
    fixed: Mapping[str, float]

    def act(self, contexts: Float32s, candidates: Float32s, *, progress: float, dice: np.random.Generator) -> Indices:
        """Slates (n_users, n_slots) to learn from, at this point of training, progress in [0, 1]."""
        ...

    def greedy(self, contexts: Float32s, candidates: Float32s) -> Indices:
        """The best slates it knows, (n_users, n_slots)."""
        ...

    def update(self, segment: Segment, *, progress: float) -> dict[str, float]:
        """Learn from a segment; figures of it, by name."""
        ...

    def arrays(self) -> Arrays:
        """All parameters."""
        ...

    def load(self, arrays: Arrays) -> None:
        """Go back to these parameters."""
        ...

    def snapshot(self, encoder: DenseEncoder) -> bytes:
        """All that serving needs."""
        ...


def make_trainee(kind: str, options: Mapping[str, Any], encoder: DenseEncoder, *, n_slots: int, seed: int) -> Trainee:
    """An agent of a kind.

    Raises:
        PolicyError: if there is no such agent, or an option is wrong.
    """
    if kind not in KINDS:
        raise PolicyError(f"agent={kind!r}: no such agent; choose one of {', '.join(KINDS)}{meant(kind, KINDS)}")
    return (_slateq if kind == "slateq" else _gradient)(options, encoder, n_slots, seed)


def _slateq(options: Mapping[str, Any], encoder: DenseEncoder, n_slots: int, seed: int) -> Trainee:
    from policies.slateq.net import Sizes
    from policies.slateq.on_policy import OnPolicySlateQ
    from policies.slateq.options import parse

    sizes = Sizes(encoder.n_context, encoder.n_action, n_features(encoder.n_action), n_slots)
    return OnPolicySlateQ(parse(options), sizes, seed=seed)


def _gradient(options: Mapping[str, Any], encoder: DenseEncoder, n_slots: int, seed: int) -> Trainee:
    from policies.gradient.options import parse
    from policies.gradient.ppo import Ppo

    return Ppo(parse(options), encoder.n_context, encoder.n_action, n_slots=n_slots, seed=seed)
