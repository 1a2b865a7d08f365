"""The options that all agents with nets have: what may be said as each, and how it is read.

In: options as a loop's settings or a training run have them. Out: those of one agent, in
``policies/<kind>/options.py``, which has the defaults and says what each means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from policies.base import PolicyError
from policies.option_checks import WIDTHS, Check, number, whole

Parsed = TypeVar("Parsed")

IN_A_WORLD: Mapping[str, Check] = MappingProxyType(
    {
        "hidden": WIDTHS,
        "item_units": whole(0, 256),
        "learning_rate": number(1e-6, 1.0),
        "last_learning_rate": number(0.0, 1.0),
        "gamma": number(0.0, 1.0),
        "trace": number(0.0, 1.0),
        "minibatch": whole(1, 2**20),
        "epochs": whole(1, 100),
    }
)
"""Of nets, and of training in a world."""

FROM_A_LOG: Mapping[str, Check] = MappingProxyType(
    {
        "block": whole(1, 2**16),
        "block_minibatch": whole(1, 2**16),
        "block_epochs": whole(1, 100),
        "block_learning_rate": number(1e-6, 1.0),
        "block_share": number(1e-3, 1.0),
        "fit_on": whole(1, 10_000),
        "gap_s": number(0.0, 1e9),
        "most_steps": whole(1, 2**16),
        "most_bytes": whole(2**10, 2**27),
    }
)
"""Of ``policies.neural.block_learner.BlockOptions``, and of what learns from its blocks."""


def parsed(made: Callable[..., Parsed], options: Mapping[str, Any], problems: Sequence[str]) -> Parsed:
    """Options over an agent's defaults.

    Args:
        made: The agent's class of options.
        options: As given; lists become tuples.
        problems: Everything wrong with them.

    Raises:
        PolicyError: naming all problems.
    """
    if problems:
        raise PolicyError("; ".join(problems))
    return made(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})
