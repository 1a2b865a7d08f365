"""Numbers that JSON can't say are found before anything is sent, and named as the caller wrote them.

In: the body of a request, from a program. Out: nothing; or an error that says where the number is and what to send.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_CURE = "must be finite; send a finite number, or None where it is unknown; nothing was sent"


def require_finite(body: Any) -> None:
    """Look at every number of a request.

    Raises:
        ValueError: one is NaN or infinite, naming its place: members of a list that have an ``id`` go by that.
    """
    if _is_finite(body):
        return
    path, value = next(_not_finite(body, ""))
    raise ValueError(f"{path}={value!r}: {_CURE}")


def _is_finite(value: Any) -> bool:
    """Every request pays for this, so exact types come first and no place is remembered."""
    kind = type(value)
    if kind is str or kind is int:
        return True
    if kind is float:
        return math.isfinite(value)
    if kind is dict:
        return all(map(_is_finite, value.values()))
    if kind is list or kind is tuple:
        return all(map(_is_finite, value))
    return next(_not_finite(value, ""), None) is None


def _not_finite(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        if not math.isfinite(value):
            yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _not_finite(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for place, inner in enumerate(value):
            named = inner.get("id", place) if isinstance(inner, Mapping) else place
            yield from _not_finite(inner, f"{path}[{named!r}]")
