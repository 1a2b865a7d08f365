"""The options of SlateQ: checked all at once, with their defaults.

In: the ``options`` of a loop's policy settings, or of a training run. Out: ``SlateQOptions``, or a list of everything
wrong with them. ``slateloop train`` prints what the defaults of training reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from policies.neural.agent_options import FROM_A_LOG, IN_A_WORLD, parsed
from policies.option_checks import TRUTH, Check, field_problems, number, one_of, unread_problems, whole
from policies.slateq.search import SEARCHES

EXPLORERS = {"softmax": {"temperature"}, "epsilon": {"epsilon"}}
"""Explorer → the options that only it reads."""

UNTOLD: Mapping[str, float] = MappingProxyType({"value_scale": 20.0})
"""``fixed`` of agents that were kept before it was told: the defaults of then."""


@dataclass(frozen=True)
class SlateQOptions:
    """How to learn, and how to serve.

    Those from ``learning_rate`` to ``explore_share`` act in a world alone, but for ``gamma``; from the log alone those
    that begin with ``block`` and those after them; in both ``hidden``, ``item_units``, ``gamma`` and ``value_scale``.
    Only serving reads ``search``, ``explorer``, ``temperature`` and ``epsilon``.

    Attributes:
        hidden: Widths of the hidden layers.
        item_units: Features of items that are learned, beside those that are given; 0 leaves values linear in these.
        learning_rate: In a world, at the start.
        last_learning_rate: At the end of training in a world.
        gamma: Discount; 1 for sessions that end.
        beyond_cut: Whether value goes on where a world cuts an episode for its length; else the episode is over.
        trace: λ of the returns in a world: 0 trusts values, 1 rewards.
        minibatch: Steps of one update in a world.
        epochs: How often each step in a world is learned from.
        explore: Share of random slates in training in a world, once it has fallen from 1.
        explore_share: Part of training during which it falls.
        value_scale: About how many scaled rewards a session brings.
        search: How slates are found when serving: ``exact``, ``greedy`` or ``top-k``.
        explorer: ``softmax`` or ``epsilon``.
        temperature: softmax: in standard deviations of the eligible actions' gains; 0 is greedy.
        epsilon: epsilon: share of uniform choice, beside the loop's own floor.
        block: Steps from the log that are learned together; the first blocks are smaller.
        block_minibatch: Steps of one update from the log.
        block_epochs: How often each step from the log is learned from; more than once learns a block's own noise.
        block_learning_rate: Learning rate from the log.
        block_trace: λ of the returns from the log.
        block_gradient_norm: Gradients from the log are cut to this length.
        block_share: Share of the newest nets in those that serve, after each block; 1 serves the newest.
        replay_steps: Steps of the newest sessions that are kept to be learned from again; 0 keeps none.
        replay_ratio: How many blocks of these, each of the new block's size, are learned from after it.
        fit_on: Lessons that the encoder is fitted on; it then stands still. Nothing is learned before.
        gap_s: A session idle for longer, in stream time, is over.
        most_steps: A session with more steps is cut.
        most_bytes: As many may wait to be learned from; beyond, the sessions idle for longest are over.
    """

    hidden: tuple[int, ...] = (64, 64)
    item_units: int = 0
    learning_rate: float = 1e-3
    last_learning_rate: float = 5e-5
    gamma: float = 1.0
    beyond_cut: bool = False
    trace: float = 0.95
    minibatch: int = 2048
    epochs: int = 1
    explore: float = 0.05
    explore_share: float = 0.15
    value_scale: float = 20.0
    search: str = "exact"
    explorer: str = "softmax"
    temperature: float = 0.1
    epsilon: float = 0.05
    block: int = 2048
    block_minibatch: int = 256
    block_epochs: int = 1
    block_learning_rate: float = 1e-3
    block_trace: float = 0.95
    block_gradient_norm: float = 10.0
    block_share: float = 0.1
    replay_steps: int = 2**14
    replay_ratio: int = 4
    fit_on: int = 256
    gap_s: float = 1800.0
    most_steps: int = 500
    most_bytes: int = 2**26

    @property
    def fixed(self) -> Mapping[str, float]:
        """See ``Learnable.fixed``."""
        return {"value_scale": float(self.value_scale)}

    def exploration(self, progress: float) -> float:
        """Share of random slates at this point of training, progress in [0, 1]."""
        falling = 1.0 - progress / self.explore_share if self.explore_share > 0.0 else 0.0
        return self.explore + (1.0 - self.explore) * max(falling, 0.0)


def problems(options: Mapping[str, Any]) -> list[str]:
    """Everything wrong with the options, each with field, value and cure."""
    explorer = options.get("explorer", SlateQOptions.explorer)
    return field_problems(_CHECKS, options) or unread_problems(EXPLORERS, explorer, options)


def parse(options: Mapping[str, Any]) -> SlateQOptions:
    """The options over the defaults.

    Raises:
        PolicyError: naming everything wrong with them.
    """
    return parsed(SlateQOptions, options, problems(options))


_CHECKS: dict[str, Check] = {
    **IN_A_WORLD,
    "beyond_cut": TRUTH,
    "explore": number(0.0, 1.0),
    "explore_share": number(0.0, 1.0),
    "value_scale": number(1e-3, 1e6),
    "search": one_of(*SEARCHES),
    "explorer": one_of(*EXPLORERS),
    "temperature": number(0.0, 100.0),
    "epsilon": number(0.0, 1.0),
    **FROM_A_LOG,
    "block_trace": number(0.0, 1.0),
    "block_gradient_norm": number(1e-3, 1e6),
    "replay_steps": whole(0, 2**20),
    "replay_ratio": whole(0, 100),
}
