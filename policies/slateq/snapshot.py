"""All that serving SlateQ needs, as bytes: the encoder, and the parameters that act.

In: the parts. Out: msgpack with a version, checked when it is read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError
from policies.neural import arrays as named
from policies.neural.dense import DenseEncoder
from policies.slateq.model import SlateQModel

_FORMAT = 1
_KIND = "slateq"
_TRAINING_ALONE = "value."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a replica loads.

    Attributes:
        encoder: Of contexts and actions.
        model: In float64, so that sums don't depend on what stands beside them.
    """

    encoder: DenseEncoder
    model: SlateQModel

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else, or encoder and parameters don't belong together.
        """
        try:
            kind, version, encoder, arrays = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no snapshot of SlateQ: {error}") from error
        if (kind, version) != (_KIND, _FORMAT):
            raise PolicyError(f"a snapshot of {kind}, format {version}; this release reads {_KIND}, format {_FORMAT}")
        wide = {name: array.astype(np.float64) for name, array in named.from_bytes(arrays).items()}
        found = cls(DenseEncoder.from_bytes(encoder), SlateQModel(wide))
        if (found.encoder.n_context, found.encoder.n_action) != (found.model.n_context, found.model.n_action):
            raise PolicyError("no snapshot of SlateQ: its encoder and its nets differ in their features")
        return found


def to_bytes(encoder: DenseEncoder, arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    """A snapshot of an encoder and the parameters of a ``SlateQNet``; equal parts, equal bytes.

    Raises:
        PolicyError: if a parameter isn't finite.
    """
    acting = {name: array for name, array in arrays.items() if not name.startswith(_TRAINING_ALONE)}
    return _encoder.encode((_KIND, _FORMAT, encoder.to_bytes(), named.to_bytes(acting)))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[str, int, bytes, bytes])
