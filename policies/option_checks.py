"""What may be said as a policy's option: checks that every kind shares, each with its cure.

In: an option's name and value, and a kind's table of checks. Out: everything wrong, as sentences that name field, value
and cure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from policies.spelling import meant


class Check(NamedTuple):
    """What a value must be.

    Attributes:
        fits: Whether it is.
        cure: What it must be, for people.
        words: All that fit, where these are words.
    """

    fits: Callable[[Any], bool]
    cure: str
    words: tuple[str, ...] = ()


def one_of(*allowed: str) -> Check:
    """One of these words."""
    return Check(
        lambda value: isinstance(value, str) and value in allowed, f"choose one of {', '.join(allowed)}", allowed
    )


def number(least: float, greatest: float) -> Check:
    """A finite number between these, both included; a truth value is none."""

    def fits(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and least <= value <= greatest

    return Check(fits, f"must be a number in [{least:g}, {greatest:g}]")


def whole(least: int, greatest: int) -> Check:
    """A whole number between these, both included."""
    return Check(lambda value: _is_whole(value, least, greatest), f"must be a whole number in [{least}, {greatest}]")


def or_none(check: Check) -> Check:
    """That, or nothing."""
    cure = f"{check.cure}, or null for the automatic choice"
    return Check(lambda value: value is None or check.fits(value), cure, check.words)


TRUTH = Check(lambda value: isinstance(value, bool), "must be true or false")

WIDTHS = Check(
    lambda value: (
        isinstance(value, list | tuple) and len(value) <= 4 and all(_is_whole(width, 1, 1024) for width in value)
    ),
    "must be a list of at most 4 whole numbers in [1, 1024]",
)
"""Sizes of a net's hidden layers."""


def field_problems(checks: Mapping[str, Check], options: Mapping[str, Any]) -> list[str]:
    """What is wrong with each option by itself, in their order."""
    return [problem for name, value in options.items() for problem in _problem(checks, name, value)]


def unread_problems(explorers: Mapping[str, set[str]], explorer: str, options: Mapping[str, Any]) -> list[str]:
    """Options that belong to other explorers than the chosen one.

    Args:
        explorers: Explorer → the options that only it (or its like) reads.
        explorer: The chosen one.
        options: As given.
    """
    unread = sorted((set().union(*explorers.values()) - explorers[explorer]) & options.keys())
    readers = {name: " or ".join(one for one, own in explorers.items() if name in own) for name in unread}
    return [
        f"options.{name}: {explorer} doesn't read it; remove it or set explorer to {readers[name]}" for name in unread
    ]


def _problem(checks: Mapping[str, Check], name: str, value: Any) -> list[str]:
    if name not in checks:
        return [f"options.{name}: no such option; choose from {', '.join(checks)}{meant(name, checks)}"]
    check = checks[name]
    return [] if check.fits(value) else [f"options.{name}={value!r:.60}: {check.cure}{meant(value, check.words)}"]


def _is_whole(value: Any, least: int, greatest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= greatest
