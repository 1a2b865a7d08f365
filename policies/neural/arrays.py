"""Named float32 arrays as bytes: how the parameters of nets travel and rest.

In: name → array. Out: msgpack with a version, checked when it is read back; equal arrays give equal bytes, and no code
is ever run by reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError

Arrays = dict[str, NDArray[np.float32]]

_FORMAT = 1


def to_bytes(arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Names, shapes and values, names in alphabetical order.

    Raises:
        PolicyError: if a value isn't finite, naming the array: such nets must never be served.
    """
    parts = []
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype="<f4")
        if not np.isfinite(array).all():
            raise PolicyError(f"{name}: a parameter is not finite; go back to the last good snapshot")
        parts.append((name, array.shape, array.tobytes()))
    return _encoder.encode((_FORMAT, parts))


def from_bytes(data: bytes) -> Arrays:
    """What ``to_bytes`` gave; the arrays are copies.

    Raises:
        PolicyError: if the bytes are something else.
    """
    try:
        version, parts = _decoder.decode(data)
        if version != _FORMAT:
            raise PolicyError(f"arrays of format {version}; this release reads format {_FORMAT}")
        found = {name: np.frombuffer(part, "<f4").reshape(shape).astype(np.float32) for name, shape, part in parts}
    except (msgspec.MsgspecError, ValueError) as error:
        raise error if isinstance(error, PolicyError) else PolicyError(f"no arrays: {error}") from error
    if not all(np.isfinite(array).all() for array in found.values()):
        raise PolicyError("arrays: a parameter is not finite")
    return found


def part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Those whose name begins with ``prefix`` and a dot, without it."""
    start = prefix + "."
    return {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, list[tuple[str, tuple[int, ...], bytes]]])
