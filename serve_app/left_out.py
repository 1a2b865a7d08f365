"""Which features an agent's nets leave out, by name: what came too late to have a coordinate.

In: the encoder being served, and the log's newest decisions. Out: a few names. Blocking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
from redis import Redis

from agent.event_log import LogReader
from agent.lessons import keys_of
from agent.records import Decision
from policies.base import Action, Context
from policies.neural.dense import DenseEncoder
from serve_app.latest import latest

N_NAMED = 3
"""So many are named."""

_N_DECISIONS = 20

_WORD_CHARS = 30


def left_out(redis: Redis, loop: str, encoder: DenseEncoder) -> list[str]:
    """A few of the features of the latest decisions that the encoder leaves out, newest first.

    Returns:
        Names; of a word its name and itself, ``topic='opera'``. Those of nested objects have the outermost name.
    """
    found: dict[str, None] = {}
    for decision in islice(_decisions(redis, loop), _N_DECISIONS):
        found |= dict.fromkeys(_of_context(decision, encoder))
        found |= dict.fromkeys(_of_actions(_rows(redis, loop, decision), encoder))
        if len(found) >= N_NAMED:
            break
    return list(found)[:N_NAMED]


def _decisions(redis: Redis, loop: str) -> Iterator[Decision]:
    return (one for one in latest(redis, loop) if isinstance(one, Decision))


def _rows(redis: Redis, loop: str, decision: Decision) -> Iterable[bytes]:
    return LogReader(redis, loop).rows(keys_of(decision)).values()


def _of_context(decision: Decision, encoder: DenseEncoder) -> Iterator[str]:
    for name, value in _features(decision.context).items():
        if encoder.leaves_out(Context({name: value}), ()):
            yield _told(name, value)


def _of_actions(rows: Iterable[bytes], encoder: DenseEncoder) -> Iterator[str]:
    for row in rows:
        for name, value in _features(row).items():
            if encoder.leaves_out(Context(), [Action("", {name: value})]):
                yield _told(name, value)


def _features(data: bytes) -> Mapping[str, Any]:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError:
        return {}


def _told(name: str, value: Any) -> str:
    return f"{name}={value[:_WORD_CHARS]!r}" if isinstance(value, str) else name


_decoder = msgspec.json.Decoder(dict)
