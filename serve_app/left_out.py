"""Which features an agent's nets leave out, by name: what came too late to have a coordinate.

In: the encoder being served, and the log's newest decisions. Out: a few names. Blocking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec
from redis import Redis

from agent.event_log import LogReader
from agent.lessons import keys_of
from agent.records import Decision
from policies.base import Action, Context, Features
from policies.neural.dense import DenseEncoder
from serve_app.latest import latest

N_NAMED = 3
"""So many are named."""

_N_DECISIONS = 20

N_ROWS = 500
"""Of actions, looked at in all: a status must not keep decisions waiting."""

_WORD_CHARS = 30


def left_out(redis: Redis, loop: str, encoder: DenseEncoder) -> list[str]:
    """A few of the features of the latest decisions that the encoder leaves out, newest first.

    Returns:
        Names; of a word its name and itself, ``topic='opera'``. Those of nested objects have the outermost name.
    """
    found: dict[str, None] = {}
    for name in _names(redis, loop, encoder):
        found[name] = None
        if len(found) == N_NAMED:
            break
    return list(found)


def _names(redis: Redis, loop: str, encoder: DenseEncoder) -> Iterator[str]:
    """Each of them, some repeatedly; a row is looked at once, however many decisions name it."""

    def of_context(features: Features) -> bool:
        return encoder.leaves_out(Context(features), ())

    def of_action(features: Features) -> bool:
        return encoder.leaves_out(Context(), [Action("", features)])

    seen: set[bytes] = set()
    for decision in islice(_decisions(redis, loop), _N_DECISIONS):
        yield from _parts(decision.context, of_context)
        fresh = [key for key in dict.fromkeys(keys_of(decision)) if key not in seen][: N_ROWS - len(seen)]
        seen.update(fresh)
        for row in LogReader(redis, loop).rows(fresh).values():
            yield from _parts(row, of_action)


def _decisions(redis: Redis, loop: str) -> Iterator[Decision]:
    return (one for one in latest(redis, loop) if isinstance(one, Decision))


def _parts(data: bytes, are_left_out: Callable[[Features], bool]) -> Iterator[str]:
    """What of a row is left out; most rows are known as a whole, and not taken apart."""
    features = _features(data)
    if are_left_out(features):
        yield from (_told(name, value) for name, value in features.items() if are_left_out({name: value}))


def _features(data: bytes) -> Features:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError:
        return {}


def _told(name: str, value: Any) -> str:
    return f"{name}={value[:_WORD_CHARS]!r}" if isinstance(value, str) else name


_decoder = msgspec.json.Decoder(dict)
