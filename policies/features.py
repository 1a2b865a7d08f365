"""JSON features: checked at the rim, addressed by content, and turned into Vowpal Wabbit text.

In: features as an application sent them. Out: canonical bytes and their address (what the log stores and names), or the
inside of a Vowpal Wabbit namespace. The text is injective: two different features never become the same words, and no
character of a name or a value can end a word, a namespace or a line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from policies.base import Features, PolicyError

N_ADDRESS_BYTES = 12
"""Length of a content address."""

LARGEST = 1e18
"""Numbers beyond this magnitude are refused: they are ids, and ids are strings."""

SATURATED = 1e6
"""In Vowpal Wabbit text numbers saturate here: it works in float32 and squares products of features."""

NEGLIGIBLE = 1e-6
"""In Vowpal Wabbit text numbers below this are 0: its products underflow, and it reads 1e-193 as NaN."""

_encoder = msgspec.json.Encoder(order="sorted")


class FeatureError(PolicyError):
    """Features that can't be used.

    Attributes:
        path: Where, as ``topic.sub[2]``, cut where it is long; empty for the features as a whole.
        value: What stands there.
        cure: What to do about it.
    """

    def __init__(self, path: str, value: Any, cure: str) -> None:
        self.path, self.value, self.cure = _cut(path), value, cure
        super().__init__(f"{self.path or 'features'}={_shown(value)}: {cure}")


def canonical(features: Features) -> bytes:
    """Compact JSON with sorted keys: equal features, equal bytes. Takes features that passed ``check``."""
    try:
        return _encoder.encode(features)
    except (OverflowError, UnicodeEncodeError):
        return json.dumps(features, sort_keys=True, separators=(",", ":")).encode()


def address(canonical: bytes) -> bytes:
    """Content address of a canonical feature row, 12 bytes."""
    return blake2b(canonical, digest_size=N_ADDRESS_BYTES).digest()


def check(features: Any, *, n_features: int, string_bytes: int, nesting: int) -> None:
    """Refuse what can't be a feature row.

    Args:
        features: What was sent.
        n_features: At most so many values, list elements counted one by one.
        string_bytes: At most so many UTF-8 bytes in a name or a string.
        nesting: At most so many objects inside one another, the row itself included.

    Raises:
        FeatureError: naming the first offending path, its value and the cure.
    """
    if not isinstance(features, Mapping):
        raise FeatureError("", features, "must be a JSON object of named features")
    if not 0 <= _counted(features, string_bytes, nesting) <= n_features:
        _Check(n_features, string_bytes, nesting).mapping(features, "", 1)


def vw_text(features: Features) -> str:
    """The inside of a Vowpal Wabbit namespace.

    A string becomes ``name=value``, a number ``name:value``, a boolean ``name=true``, each string of a list its own
    ``name=value``, each number of a list ``name[i]:value``; nested names are dotted; null is left out. Special
    characters become ``%XX``.
    """
    return " ".join(_words(features, ""))


def vw_word(text: str) -> str:
    """A text with everything escaped that could end a Vowpal Wabbit word; different texts stay different."""
    return _SPECIAL.sub(_escaped, text)


def vw_number(value: float) -> str:
    """A number as Vowpal Wabbit can bear it, with the nine digits float32 can hold; NaN is 0."""
    if not abs(value) >= NEGLIGIBLE:  # NaN too, which compares false
        return "0"
    return f"{float(max(-SATURATED, min(SATURATED, value))):.9g}"


_UNSURE = -1_000_000


def _counted(features: Mapping[str, Any], string_bytes: int, nesting: int) -> int:
    """How many values a plain row has; negative where a closer look is needed."""
    n = 0 if nesting > 0 else _UNSURE
    for name, value in features.items():
        kind = type(value)
        if type(name) is not str or not name.isascii() or len(name) > string_bytes:
            return _UNSURE
        if kind is str:
            n += 1 if value.isascii() and len(value) <= string_bytes else _UNSURE
        elif kind is int or kind is float:
            n += 1 if -LARGEST <= value <= LARGEST else _UNSURE
        elif kind is list and value and set(map(type, value)) == {str}:
            n += len(value) if all(map(str.isascii, value)) and len(max(value, key=len)) <= string_bytes else _UNSURE
        elif kind is dict and value:
            n += _counted(value, string_bytes, nesting - 1)
        elif kind is bool or value is None:
            n += 1
        else:
            return _UNSURE
    return n


class _Check:
    def __init__(self, n_features: int, string_bytes: int, nesting: int) -> None:
        self.left, self.n_features = n_features, n_features
        self.string_bytes, self.nesting = string_bytes, nesting

    def mapping(self, features: Mapping[Any, Any], path: str, depth: int) -> None:
        if depth > self.nesting:
            raise FeatureError(path, features, f"is nested deeper than {self.nesting} objects; flatten it")
        if not features:
            self.count(path, features)
        for name, value in features.items():
            inner = f"{path}.{name}" if path else f"{name}"
            if not isinstance(name, str):
                raise FeatureError(inner, name, "feature names must be strings")
            self.string(name, inner)
            if isinstance(value, Mapping):
                self.mapping(value, inner, depth + 1)
            elif isinstance(value, list | tuple):
                self.list(value, inner)
            else:
                self.scalar(value, inner)

    def list(self, values: list[Any] | tuple[Any, ...], path: str) -> None:
        if not values:
            self.count(path, values)
        wanted = str if values and isinstance(values[0], str) else (int, float)
        for index, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, wanted):
                cure = "a list must hold only strings or only numbers; use an object for anything else"
                raise FeatureError(f"{path}[{index}]", value, cure)
            self.scalar(value, f"{path}[{index}]")

    def scalar(self, value: Any, path: str) -> None:
        self.count(path, value)
        if isinstance(value, str):
            self.string(value, path)
        elif isinstance(value, int | float):
            if isinstance(value, float) and not math.isfinite(value):
                raise FeatureError(path, value, "must be finite; leave it out, or send null, where it is unknown")
            if not -LARGEST <= value <= LARGEST:
                raise FeatureError(path, value, f"lies beyond ±{LARGEST:g}; rescale it, or send an id as a string")
        elif value is not None:
            cure = "must be a string, number, boolean, null, list of strings or of numbers, or object"
            raise FeatureError(path, value, cure)

    def string(self, text: str, path: str) -> None:
        if text.isascii():
            size = len(text)
        else:
            try:
                size = len(text.encode())
            except UnicodeEncodeError:
                raise FeatureError(path, text, "holds half of a surrogate pair; send whole characters") from None
        if size > self.string_bytes:
            raise FeatureError(path, text, f"is {size} bytes; at most {self.string_bytes} are allowed; shorten it")

    def count(self, path: str, value: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise FeatureError(path, value, f"is one value more than the {self.n_features} allowed; send fewer")


def _words(features: Features, prefix: str) -> Iterator[str]:
    for name, value in features.items():
        named = prefix + _name(name)
        if isinstance(value, str):
            yield f"{named}={vw_word(value)}"
        elif isinstance(value, bool):
            yield f"{named}=true" if value else f"{named}=false"
        elif isinstance(value, int | float):
            yield f"{named}:{vw_number(value)}"
        elif isinstance(value, Mapping):
            yield from _words(value, named + ".")
        elif isinstance(value, list | tuple):
            yield from _listed(named, value)


def _listed(named: str, values: list[Any] | tuple[Any, ...]) -> Iterator[str]:
    for value in dict.fromkeys(value for value in values if isinstance(value, str)):
        yield f"{named}={vw_word(value)}"
    for index, value in enumerate(values):
        if not isinstance(value, str):
            yield f"{named}[{index}]:{vw_number(value)}"


_SPECIAL = re.compile("[%:|\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]")
_NAME_SPECIAL = re.compile(_SPECIAL.pattern[:-1] + r"=.\[]")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"%{code:02X}" if code < 256 else f"%u{code:04X}"


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    return _NAME_SPECIAL.sub(_escaped, name) or "%"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return f"<{type(value).__name__} of {len(value)}>"
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return "<huge>"
    return _cut(ascii(value[:80]) if isinstance(value, str) else ascii(value))


def _cut(text: str) -> str:
    """Short, and encodable whatever was sent."""
    short = text if len(text) <= 80 else text[:77] + "..."
    return short.encode(errors="backslashreplace").decode()
