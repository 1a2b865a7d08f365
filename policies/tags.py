"""The tags of an item: what it shares with other items, so that rewards for one tell something of the others.

In: an item's JSON features. Out: numbers that stand for "this feature has this value", at most ``N_ITEM_TAGS`` of them.
Strings and lists of strings are tags, nested ones too; numbers and booleans are none, and neither is a text that is too
long to be anyone else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice

from policies.base import Features

Tags = tuple[int, ...]
"""Distinct, each of 64 bits."""

N_ITEM_TAGS = 16
"""An item's first so many count, its features taken in alphabetical order."""

LONGEST = 64
"""Longer strings, in characters, are texts."""

_N_KEPT = 20_000


def tags_of(features: Features, key: bytes = b"") -> Tags:
    """An item's tags, in an order that doesn't depend on the order of its features.

    Args:
        features: The item's.
        key: Their content address; with one, they are looked at once.

    >>> len(tags_of({"genres": ["drama", "crime"], "studio": {"country": "fr"}, "year": 1999}))
    3
    """
    tags = _known.get(key) if key else None
    if tags is None:
        tags = tuple(dict.fromkeys(islice(_tags(features, ""), N_ITEM_TAGS)))
        if key:
            if len(_known) >= _N_KEPT:
                _known.clear()
            _known[key] = tags
    return tags


_known: dict[bytes, Tags] = {}
"""By content address: the same in every snapshot, so it outlives them."""


def _tags(features: Features, prefix: str) -> Iterator[int]:
    for name in sorted(features):
        value = features[name]
        if isinstance(value, Mapping):
            yield from _tags(value, f"{prefix}{name}.")
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and len(text) <= LONGEST:
                yield _tag(f"{prefix}{name}\0{text}")


def _tag(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")
