"""Steps that wait to be learned from, as bytes: small ones, since each candidate's vector is kept once.

In: logged steps. Out: the bytes of each, to be put wherever it waits, and the step again when it is learned from. What
many steps offer is held for as long as one of them waits; equal histories give equal bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError
from policies.neural.logged import LoggedStep

_HEAD = struct.Struct("<HHH?")
"""Lengths of the context, of the candidates and of the slate; whether something was not allowed."""

_PER_SLOT = 2 + 4 + 4 + 1
"""Bytes of its item, log-propensity, reward and click."""

_NO_VECTOR = b""


class KeptSteps:
    """Vectors by where they stand, and how many steps offer each.

    Attributes:
        n_bytes: Of all vectors and of all steps that are held.
    """

    def __init__(self) -> None:
        """Nothing is kept."""
        self._places: dict[bytes, int] = {}
        self._vectors: list[bytes] = []
        self._n_holders: list[int] = []
        self._free: list[int] = []
        self.n_bytes = 0

    def keep(self, step: LoggedStep) -> bytes:
        """A step as bytes; its vectors are held until ``let_go``."""
        n_candidates, n_action = step.candidates.shape
        vectors, width = step.candidates.astype("<f4").tobytes(), 4 * n_action
        places = [self._place(vectors[at : at + width]) for at in range(0, len(vectors), width)]
        restricted = not step.allowed.all()
        parts = [
            _HEAD.pack(len(step.context), n_candidates, len(step.items), restricted),
            step.context.astype("<f4").tobytes(),
            np.array(places, dtype="<u4").tobytes(),
            step.items.astype("<u2").tobytes(),
            step.logged.astype("<f4").tobytes(),
            step.rewards.astype("<f4").tobytes(),
            step.clicks.tobytes(),
            np.packbits(step.allowed).tobytes() if restricted else b"",
        ]
        kept = b"".join(parts)
        self.n_bytes += len(kept)
        return kept

    def hold(self, kept: bytes) -> None:
        """Hold a step once more, with its vectors.

        Raises:
            PolicyError: if it isn't one, or a vector of its is missing.
        """
        if not _is_step(kept):
            raise PolicyError(f"{len(kept)} bytes are no logged step")
        for place in _places(kept).tolist():
            if place >= len(self._vectors) or not self._vectors[place]:
                raise PolicyError(f"a step offers vector {place}, which isn't kept")
            self._n_holders[place] += 1
        self.n_bytes += len(kept)

    def let_go(self, kept: bytes) -> None:
        """A step doesn't wait any more; vectors that no other one offers are forgotten."""
        for place in _places(kept).tolist():
            self._n_holders[place] -= 1
            if not self._n_holders[place]:
                self.n_bytes -= len(self._vectors[place])
                del self._places[self._vectors[place]]
                self._vectors[place] = _NO_VECTOR
                heappush(self._free, place)
        self.n_bytes -= len(kept)

    def step(self, kept: bytes) -> LoggedStep:
        """What was kept."""
        n_context, n_candidates, n_slots, restricted = _HEAD.unpack_from(kept)
        read = _Reader(kept)
        context, places = read.next("<f4", n_context), read.next("<u4", n_candidates)
        vectors = b"".join([self._vectors[place] for place in places.tolist()])
        items, logged, rewards = read.next("<u2", n_slots), read.next("<f4", n_slots), read.next("<f4", n_slots)
        clicks, allowed = read.next("?", n_slots), np.ones((n_slots, n_candidates), dtype=np.bool_)
        if restricted:
            bits = read.next("u1", -1)
            allowed = np.unpackbits(bits, count=n_slots * n_candidates).astype(np.bool_).reshape(n_slots, n_candidates)
        candidates = np.frombuffer(vectors, "<f4").reshape(n_candidates, -1)
        return LoggedStep(context, candidates, items, logged, rewards, clicks, allowed)

    def n_dense(self, kept: bytes) -> int:
        """Bytes of a step's candidates once they stand side by side."""
        places = _places(kept)
        return len(places) * len(self._vectors[places[0]]) if len(places) else 0

    def to_bytes(self) -> bytes:
        """The vectors, each at its place."""
        n = len(self._vectors)
        while n and not self._vectors[n - 1]:
            n -= 1
        return _encoder.encode(self._vectors[:n])

    def restore(self, data: bytes, kept: Iterable[bytes]) -> None:
        """Go on from what ``to_bytes`` gave, and from the steps that were held then, each as often as it was.

        Raises:
            PolicyError: if the bytes are something else, or don't belong to these steps.
        """
        try:
            self._vectors = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no vectors: {error}") from error
        self._places = {vector: place for place, vector in enumerate(self._vectors) if vector}
        self._n_holders = [0] * len(self._vectors)
        self._free = [place for place, vector in enumerate(self._vectors) if not vector]
        self.n_bytes = sum(map(len, self._vectors))
        for one in kept:
            self.hold(one)
        if any(vector and not n for vector, n in zip(self._vectors, self._n_holders, strict=True)):
            raise PolicyError("vectors are kept that no step offers")

    def _place(self, vector: bytes) -> int:
        """Where a vector stands; a new one takes the first free place."""
        place = self._places.get(vector)
        if place is None:
            place = heappop(self._free) if self._free else len(self._vectors)
            if place == len(self._vectors):
                self._vectors.append(vector)
                self._n_holders.append(0)
            self._vectors[place] = vector
            self._places[vector] = place
            self.n_bytes += len(vector)
        self._n_holders[place] += 1
        return place


class _Reader:
    """Arrays, one after the other, behind the head."""

    def __init__(self, kept: bytes) -> None:
        self._kept, self._at = kept, _HEAD.size

    def next(self, kind: str, n: int) -> NDArray[Any]:
        found: NDArray[Any] = np.frombuffer(self._kept, kind, n, self._at)
        self._at += found.nbytes
        return found


def _places(kept: bytes) -> NDArray[np.uint32]:
    n_context, n_candidates, _, _ = _HEAD.unpack_from(kept)
    found: NDArray[np.uint32] = np.frombuffer(kept, "<u4", n_candidates, _HEAD.size + 4 * n_context)
    return found


def _is_step(kept: bytes) -> bool:
    if len(kept) < _HEAD.size:
        return False
    n_context, n_candidates, n_slots, restricted = _HEAD.unpack_from(kept)
    n_allowed = (n_slots * n_candidates + 7) // 8 if restricted else 0
    n_wanted: int = _HEAD.size + 4 * (n_context + n_candidates) + _PER_SLOT * n_slots + n_allowed
    return len(kept) == n_wanted


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[bytes])
