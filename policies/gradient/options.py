"""The options of the policy gradient: checked all at once, with their defaults.

In: the ``options`` of a loop's policy settings, or of a training run. Out: ``GradientOptions``, or a list of everything
wrong with them. ``slateloop train`` prints what the defaults of training reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from policies.gradient.shapes import VALUE_SCALE
from policies.neural.agent_options import FROM_A_LOG, IN_A_WORLD, parsed
from policies.option_checks import Check, field_problems, number, one_of

CREDITS = ("slate", "item")

UNTOLD: Mapping[str, float] = MappingProxyType({"value_scale": 60.0})
"""``fixed`` of agents that were kept before it was told."""


@dataclass(frozen=True)
class GradientOptions:
    """How to learn, and how to serve.

    In a world alone act ``learning_rate``, ``last_learning_rate``, ``minibatch``, ``epochs`` and ``credit``; from the
    log alone those that begin with ``block`` and those after them; in both ``hidden``, ``item_units``, ``gamma``,
    ``trace``, ``clip``, ``entropy`` and ``gradient_norm``. Only serving reads ``temperature``.

    Attributes:
        hidden: Widths of the hidden layers.
        item_units: Features of items that are learned, beside those that are given; 0 leaves scores linear in these.
        temperature: Scores are divided by this; small is greedy.
        learning_rate: In a world, at the start.
        last_learning_rate: At the end of training in a world.
        gamma: Discount; 1 for sessions that end.
        trace: λ of the returns: 0 trusts values, 1 rewards.
        clip: How far one block or segment may move the odds of a slate, or of an item that is credited.
        entropy: Worth of being undecided, per slot.
        gradient_norm: Gradients of the scorer are cut to this length.
        minibatch: Steps of one update in a world.
        epochs: How often each step in a world is learned from.
        credit: What an advantage in a world is credited to: the ``slate``, or the ``item`` that was clicked.
        block: Steps from the log that are learned together; the first blocks are smaller.
        block_minibatch: Steps of one update from the log.
        block_epochs: How often each step from the log is learned from.
        block_learning_rate: Learning rate from the log.
        block_credit: As ``credit``, for the log.
        block_share: Share of the newest scorer in the one that serves, after each block; 1 serves the newest.
        most_importance: Weights of others' decisions end here.
        fit_on: Lessons that the encoder is fitted on; it then stands still. Nothing is learned before.
        gap_s: A session idle for longer, in stream time, is over.
        most_steps: A session with more steps is cut.
        most_bytes: As many may wait to be learned from; beyond, the sessions idle for longest are over.
    """

    hidden: tuple[int, ...] = (64, 64)
    item_units: int = 0
    temperature: float = 1.0
    learning_rate: float = 1e-3
    last_learning_rate: float = 5e-5
    gamma: float = 1.0
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.003
    gradient_norm: float = 1.0
    minibatch: int = 2048
    epochs: int = 3
    credit: str = "slate"
    block: int = 2048
    block_minibatch: int = 256
    block_epochs: int = 2
    block_learning_rate: float = 3e-4
    block_credit: str = "item"
    block_share: float = 0.1
    most_importance: float = 5.0
    fit_on: int = 256
    gap_s: float = 1800.0
    most_steps: int = 500
    most_bytes: int = 2**26

    @property
    def fixed(self) -> Mapping[str, float]:
        """See ``Learnable.fixed``; no option, but the same for all agents of a release."""
        return {"value_scale": VALUE_SCALE}

    @property
    def replay_steps(self) -> int:
        """Nothing is learned from again: it would have to be corrected for ever older policies."""
        return 0

    @property
    def replay_ratio(self) -> int:
        """See ``replay_steps``."""
        return 0


def problems(options: Mapping[str, Any]) -> list[str]:
    """Everything wrong with the options, each with field, value and cure."""
    return field_problems(_CHECKS, options)


def parse(options: Mapping[str, Any]) -> GradientOptions:
    """The options over the defaults.

    Raises:
        PolicyError: naming everything wrong with them.
    """
    return parsed(GradientOptions, options, problems(options))


_CHECKS: dict[str, Check] = {
    **IN_A_WORLD,
    "temperature": number(1e-3, 100.0),
    "clip": number(1e-3, 10.0),
    "entropy": number(0.0, 10.0),
    "gradient_norm": number(1e-3, 1e6),
    "credit": one_of(*CREDITS),
    **FROM_A_LOG,
    "block_credit": one_of(*CREDITS),
    "most_importance": number(1e-3, 1e3),
}
