"""JSON features taken apart into named numbers and named words; nothing that JSON can hold makes it fail.

In: features. Out: ``Entries``, for the encoder. A string is a word, each string of a list is one, a boolean is the
number 0 or 1, each number of a list is ``name[i]``, nested names are dotted, null is the word ``NULL``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.base import Features

Word = tuple[str, str]
"""A name and one of the strings it holds."""

NULL = "\0null"

_LARGEST = 1e18


@dataclass(slots=True)
class Entries:
    """What one row of features says.

    Attributes:
        numbers: Name → value, finite.
        words: In order; one may come twice.
        n_unusable: Numbers that are NaN, infinite or beyond ±1e18, and values of no known type; left out.
    """

    numbers: dict[str, float] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    n_unusable: int = 0


def entries(features: Features) -> Entries:
    """Takes a row apart."""
    found = Entries()
    _add(features, "", found)
    return found


def _add(features: Mapping[str, Any], prefix: str, found: Entries) -> None:
    numbers, words = found.numbers, found.words
    for key, value in features.items():
        name = prefix + key if prefix else key
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            if -_LARGEST <= value <= _LARGEST:
                numbers[name] = value
            else:
                found.n_unusable += 1
        elif kind is str:
            words.append((name, value))
        elif isinstance(value, Mapping):
            _add(value, name + ".", found)
        elif isinstance(value, list | tuple):
            _add_all(value, name, found)
        elif value is None:
            words.append((name, NULL))
        else:
            found.n_unusable += 1


def _add_all(values: list[Any] | tuple[Any, ...], name: str, found: Entries) -> None:
    for index, value in enumerate(values):
        if isinstance(value, str):
            found.words.append((name, value))
        elif isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST:
            found.numbers[f"{name}[{index}]"] = value
        else:
            found.n_unusable += 1
