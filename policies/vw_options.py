"""The options of the Vowpal Wabbit bandits: checked all at once, with their defaults, and as command-line arguments.

In: the ``options`` of a loop's policy settings. Out: ``VwOptions``, or a list of everything wrong with them. The
defaults come from a bake-off on recorded data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from policies.base import PolicyError
from policies.option_checks import TRUTH, Check, field_problems, number, one_of, unread_problems, whole

NAMESPACES = {"c": "context", "a": "action features", "i": "item id", "r": "running rates", "s": "slot"}
"""Letters an interaction is written with."""

EXPLORERS = {
    "epsilon": {"epsilon"},
    "bag": {"bag", "epsilon"},
    "squarecb": {"gamma_scale", "gamma_exponent"},
    "softmax": {"lambda"},
}
"""Explorer → the options that only it reads."""


@dataclass(frozen=True)
class VwOptions:
    """How to explore and what to learn from.

    Attributes:
        explorer: ``epsilon``, ``bag`` (online bootstrap), ``squarecb`` or ``softmax``.
        epsilon: Share of uniform choice (epsilon, bag), beside the loop's own floor.
        bag: Number of bootstrapped models.
        gamma_scale: squarecb: larger is greedier.
        gamma_exponent: squarecb: how fast it becomes greedier with the lessons learned.
        lambda_: ``lambda`` of softmax: larger is greedier, on rewards scaled to a range of 1.
        learning_rate: Step size.
        power_t: Decay of the step size; 0 keeps learning at one pace.
        l2: Pull of every weight towards 0.
        bits: log2 of the number of weights.
        cb_type: Loss estimate: ``mtr``, ``dr`` or ``ips``.
        interactions: Pairs or triples of namespace letters that are crossed.
        item_id: Whether the item's id is a feature.
        item_rate: Whether running rates are: the item's, its tags', and the user's taste for them.
        settle_every: Lessons between two exact states.
    """

    explorer: str = "squarecb"
    epsilon: float = 0.0
    bag: int = 5
    gamma_scale: float = 100.0
    gamma_exponent: float = 0.5
    lambda_: float = 10.0
    learning_rate: float = 0.5
    power_t: float = 0.5
    l2: float = 0.0
    bits: int = 18
    cb_type: str = "mtr"
    interactions: tuple[str, ...] = ("ca",)
    item_id: bool = True
    item_rate: bool = True
    settle_every: int = 256


def problems(options: Mapping[str, Any]) -> list[str]:
    """Everything wrong with the options, each with field, value and cure."""
    return field_problems(_CHECKS, options) or _clashes(options)


def parse(options: Mapping[str, Any]) -> VwOptions:
    """The options over the defaults.

    Raises:
        PolicyError: naming everything wrong with them.
    """
    found = problems(options)
    if found:
        raise PolicyError("; ".join(found))
    given: dict[str, Any] = {
        _FIELDS[name]: tuple(value) if isinstance(value, list) else value for name, value in options.items()
    }
    return VwOptions(**given)


def arguments(options: VwOptions, *, cost_range: tuple[float, float], seed: int) -> str:
    """The command line of a fresh model.

    Args:
        options: Checked options.
        cost_range: Least and greatest cost it will be told.
        seed: Of the bootstrap.
    """
    explorer = {
        "epsilon": f"--epsilon {options.epsilon}",
        "bag": f"--bag {options.bag} --epsilon {options.epsilon}",
        "squarecb": f"--squarecb --gamma_scale {options.gamma_scale} --gamma_exponent {options.gamma_exponent}",
        "softmax": f"--softmax --lambda {options.lambda_}",
    }[options.explorer]
    crossed = " ".join(f"--interactions {pair}" for pair in options.interactions)
    return (
        f"--cb_explore_adf {explorer} --cb_type {options.cb_type} --cb_min_cost {cost_range[0]}"
        f" --cb_max_cost {cost_range[1]} -b {options.bits} -l {options.learning_rate} --power_t {options.power_t}"
        f" --l2 {options.l2} --random_seed {seed % 2**31} {crossed}"
    )


_CB_TYPES = ("mtr", "dr", "ips")


def _is_crossing(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(pair, str) and 2 <= len(pair) <= 3 and set(pair) <= NAMESPACES.keys() for pair in value
    )


_LETTERS = ", ".join(f"{letter} ({meaning})" for letter, meaning in NAMESPACES.items())
_CHECKS: dict[str, Check] = {
    "explorer": one_of(*EXPLORERS),
    "epsilon": number(0.0, 1.0),
    "bag": whole(2, 32),
    "gamma_scale": number(1e-6, 1e6),
    "gamma_exponent": number(0.0, 1.0),
    "lambda": number(0.0, 1e4),
    "learning_rate": number(1e-9, 100.0),
    "power_t": number(0.0, 1.0),
    "l2": number(0.0, 1.0),
    "bits": whole(8, 26),
    "cb_type": one_of(*_CB_TYPES),
    "interactions": Check(_is_crossing, f"must be a list of two or three letters each, of {_LETTERS}"),
    "item_id": TRUTH,
    "item_rate": TRUTH,
    "settle_every": whole(1, 1_000_000),
}
_FIELDS = {field.name.rstrip("_"): field.name for field in fields(VwOptions)}


def _clashes(options: Mapping[str, Any]) -> list[str]:
    explorer, cb_type = options.get("explorer", VwOptions.explorer), options.get("cb_type", VwOptions.cb_type)
    found = unread_problems(EXPLORERS, explorer, options)
    if explorer == "squarecb" and cb_type != "mtr":
        found.append(f"options.cb_type={cb_type!r}: squarecb needs mtr; use that, or another explorer")
    return found
