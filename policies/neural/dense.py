"""JSON features of context and actions as dense vectors of a fixed length, for nets: the two sides of the encoder.

In: requests to fit on, once; then it never changes, since a net's inputs must keep their places and their scale. Out:
float32 vectors for any request, the same in training and in serving. The coordinates are those of
``policies/vocabulary.py``; what was unknown when it was fitted is left out, and ids and derived features take no part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.action_rows import ActionRows
from policies.base import Action, Context, PolicyError
from policies.entries import Entries, entries
from policies.vocabulary import Key, Vocabulary

Float32s = NDArray[np.float32]
Request = tuple[Context, Sequence[Action]]
Sides = tuple[list[str], list[str]]
"""Of contexts, of actions."""

N_COORDINATES = 96
"""Coordinates of a side, where nothing else is said."""

_FORMAT = 1

_N_STRANGE = 2**15


class DenseEncoder:
    """Context and actions as vectors; the first coordinate of each is 1.

    Attributes:
        n_context: Length of a context's vector, at least 1.
        n_action: Length of an action's vector, at least 1.
    """

    def __init__(self, context: Vocabulary, action: Vocabulary) -> None:
        """Two sides that will not change any more."""
        self._context, self._action = context, action
        self.n_context, self.n_action = 1 + len(context), 1 + len(action)
        self._rows = ActionRows()
        self._strange: dict[bytes, bool] = {}

    @classmethod
    def fitted(cls, requests: Sequence[Request], *, n_coordinates: int = N_COORDINATES) -> DenseEncoder:
        """Learn names, words and scales from requests; the same requests, the same encoder.

        Raises:
            PolicyError: if there are no requests.
        """
        if not requests:
            raise PolicyError("requests: none to fit an encoder on; give it at least one")
        contexts = [entries(context.features) for context, _ in requests]
        actions = [entries(action.features) for _, offered in requests for action in offered]
        return cls(_side(contexts, n_coordinates), _side(actions, n_coordinates))

    @property
    def context_names(self) -> list[str]:
        """What each coordinate of a context means, for people."""
        return ["1", *map(_told, self._context.names)]

    @property
    def action_names(self) -> list[str]:
        """What each coordinate of an action means, for people."""
        return ["1", *map(_told, self._action.names)]

    def context(self, context: Context) -> Float32s:
        """Shape (n_context,); finite, each within ±6."""
        found = np.ones(self.n_context, dtype=np.float32)
        if self.n_context > 1:
            found[1:] = self._context.vector(entries(context.features))
        return found

    def actions(self, actions: Sequence[Action]) -> Float32s:
        """Shape (n_actions, n_action); finite, each within ±6."""
        found = np.ones((len(actions), self.n_action), dtype=np.float32)
        if self.n_action > 1:
            found[:, 1:] = self._rows.of(actions, self._action)
        return found

    def action(self, action: Action) -> Float32s:
        """Its row of ``actions``, (n_action,), for those who keep rows of their own."""
        found = np.ones(self.n_action, dtype=np.float32)
        if self.n_action > 1:
            found[1:] = self._action.vector(entries(action.features))
        return found

    def leaves_out(self, context: Context, actions: Sequence[Action]) -> bool:
        """Whether a name or a word of theirs came too late to have a coordinate.

        Where a side is full this never holds: what is new shares coordinates there.
        """
        return _lacks(self._context, entries(context.features)) or any(map(self._is_strange, actions))

    def unmet(self, requests: Sequence[Request]) -> list[str]:
        """Features that it was fitted on and none of these requests has: of the context, then of actions."""
        of_context, of_actions = self.unmet_sides(requests)
        return [*of_context, *of_actions]

    def unmet_sides(self, requests: Sequence[Request]) -> Sides:
        """The same, told apart: both may have a feature of the same name."""
        contexts = [entries(context.features) for context, _ in requests]
        actions = [entries(action.features) for _, offered in requests for action in offered]
        return _unmet(self._context, contexts), _unmet(self._action, actions)

    def _is_strange(self, action: Action) -> bool:
        found = self._strange.get(action.key) if action.key else None
        if found is None:
            found = _lacks(self._action, self._rows.entries(action))
            if action.key:
                if len(self._strange) >= _N_STRANGE:
                    self._strange.clear()
                self._strange[action.key] = found
        return found

    def to_bytes(self) -> bytes:
        """All of it, exactly."""
        return _encoder.encode([_FORMAT, self._context.to_parts(), self._action.to_parts()])

    @classmethod
    def from_bytes(cls, data: bytes) -> DenseEncoder:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            version, context, action = _decoder.decode(data)
            if version != _FORMAT:
                raise PolicyError(f"a dense encoder of format {version}; this release reads format {_FORMAT}")
            return cls(Vocabulary.from_parts(context), Vocabulary.from_parts(action))
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise error if isinstance(error, PolicyError) else PolicyError(f"no dense encoder: {error}") from error


def _side(rows: list[Entries], limit: int) -> Vocabulary:
    """Twice over the rows: what usually is there is known only after the first time."""
    side, troubles = Vocabulary(limit), Counter[str]()
    side.meet(rows, troubles)
    side.measure(rows)
    side.refresh()
    side.meet(rows, troubles)
    side.refresh()
    return side


def _lacks(side: Vocabulary, row: Entries) -> bool:
    return not (side.is_full or (side.knows(row.numbers) and side.knows(row.words)))


def _unmet(side: Vocabulary, rows: list[Entries]) -> list[str]:
    met = {name for row in rows for name in (*row.numbers, *(word[0] for word in row.words))}
    wanted = [name if isinstance(name, str) else name[0] for name in side.names if not isinstance(name, int)]
    return [name for name in dict.fromkeys(wanted) if name not in met]


def _told(name: Key) -> str:
    return "=".join(part.replace("\0", "") for part in name) if isinstance(name, tuple) else str(name)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, list[Any], list[Any]])
