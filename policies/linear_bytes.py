"""What the linear bandit keeps, as bytes: the learner's state, and the snapshot that serves.

In: the parts. Out: msgpack, checked when it is read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from policies.base import PolicyError
from policies.beginning import Beginning
from policies.own_index import OwnIndex
from policies.ridge import Posterior

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class State:
    """All that training needs to go on.

    Attributes:
        tune_at: Lessons after which the priors are tuned next.
        precisions: The priors.
        has_own: Whether actions have weights of their own.
    """

    seed: int
    n_learned: int
    tune_at: int
    precisions: tuple[float, ...]
    has_own: bool
    own: OwnIndex
    encoder: bytes
    moments: bytes
    beginning: Beginning

    def to_bytes(self) -> bytes:
        """Equal parts, equal bytes."""
        counts = (self.seed, self.n_learned, self.tune_at)
        own = (self.has_own, self.own.is_full, self.own.ids())
        return _encoder.encode(
            (_FORMAT, counts, self.precisions, own, [self.encoder, self.moments], self.beginning.to_parts())
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else.
        """
        _, counts, precisions, (has_own, is_full, ids), blobs, first = _read(_states, data, "state")
        (encoder, moments), beginning = blobs, _beginning(first)
        seed, n_learned, tune_at = counts
        own = OwnIndex(ids, is_full=is_full)
        return cls(seed, n_learned, tune_at, tuple(precisions), has_own, own, encoder, moments, beginning)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that serving needs.

    Attributes:
        own_precision: Prior of own weights, for actions never seen.
    """

    seed: int
    n_learned: int
    posterior: Posterior
    own_precision: float
    own: OwnIndex
    encoder: bytes

    def to_bytes(self) -> bytes:
        """Equal parts, equal bytes."""
        known = self.posterior
        arrays = (known.mean, known.root, known.own_mean, known.own_map, known.own_root)
        numbers = (known.noise, known.evidence, self.own_precision)
        parts = [array.tobytes() for array in arrays]
        own = (self.own.is_full, self.own.ids())
        return _encoder.encode(
            (_FORMAT, (self.seed, self.n_learned), known.own_map.shape, numbers, parts, own, self.encoder)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else.
        """
        _, counts, (m, d, k), numbers, parts, (is_full, ids), encoder = _read(_snapshots, data, "snapshot")
        noise, evidence, own_precision = numbers
        shapes = ((k,), (k, k), (m, d), (m, d, k), (m, d, d))
        try:
            arrays = [np.frombuffer(part, np.float64).reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        except ValueError as error:
            raise PolicyError(f"{len(data)} bytes are no snapshot of a linear bandit: {error}") from error
        mean, root, own_mean, own_map, own_root = arrays
        posterior = Posterior(mean, root, own_mean, own_map, own_root, noise=noise, evidence=evidence)
        seed, n_learned = counts
        return cls(seed, n_learned, posterior, own_precision, OwnIndex(ids, is_full=is_full), encoder)


def _read(decoder: msgspec.msgpack.Decoder[Any], data: bytes, name: str) -> Any:
    try:
        if (parts := _parts.decode(data)) and (version := _number.decode(parts[0])) != _FORMAT:
            raise PolicyError(f"a {name} of a linear bandit of format {version}; this release reads format {_FORMAT}")
        return decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise PolicyError(f"{len(data)} bytes are no {name} of a linear bandit: {error}") from error


def _beginning(parts: list[Any]) -> Beginning:
    try:
        return Beginning.from_parts(parts)
    except (ValueError, TypeError) as error:
        raise PolicyError(f"no state of a linear bandit: {error}") from error


_encoder = msgspec.msgpack.Encoder()
_parts = msgspec.msgpack.Decoder(list[msgspec.Raw])
_number = msgspec.msgpack.Decoder(int)
_states = msgspec.msgpack.Decoder(
    tuple[int, tuple[int, int, int], list[float], tuple[bool, bool, list[str]], tuple[bytes, bytes], list[Any]]
)
_snapshots = msgspec.msgpack.Decoder(
    tuple[
        int,
        tuple[int, int],
        tuple[int, int, int],
        tuple[float, float, float],
        list[bytes],
        tuple[bool, list[str]],
        bytes,
    ]
)
