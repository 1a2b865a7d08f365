"""What serves the policy gradient, as bytes: the encoder and the scorer.

In: the parts, from a training run in a world or from the learner. Out: msgpack, checked when it is read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from policies.base import PolicyError
from policies.gradient.forward import ForwardScorer
from policies.neural import arrays
from policies.neural.dense import DenseEncoder

_FORMAT = 1
_KIND = "gradient"


@dataclass(frozen=True)
class Snapshot:
    """What serving needs.

    Attributes:
        encoder: Of requests; None before the learner knew enough to make one: then every slate is equally likely.
        scorer: Scores candidates, in float64; None together with the encoder.
    """

    encoder: DenseEncoder | None = None
    scorer: ForwardScorer | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else, or encoder and scorer don't fit together.
        """
        try:
            version, kind, encoder, scorer = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no snapshot of a policy gradient: {error}") from error
        if kind != _KIND or version != _FORMAT:
            raise PolicyError(
                f"a snapshot of kind {kind!r:.40}, format {version}; this reads {_KIND}, format {_FORMAT}"
            )
        if not encoder:
            return cls()
        known = DenseEncoder.from_bytes(encoder)
        wide = {name: array.astype(np.float64) for name, array in arrays.from_bytes(scorer).items()}
        made = cls(known, ForwardScorer(wide))
        made._check()
        return made

    def _check(self) -> None:
        encoder, scorer = self.encoder, self.scorer
        if encoder is not None and scorer is not None:
            wanted, found = (encoder.n_context, encoder.n_action), (scorer.n_context, scorer.n_action)
            if wanted != found:
                raise PolicyError(f"the encoder gives vectors of lengths {wanted}, the scorer takes {found}")


def to_bytes(encoder: DenseEncoder | None, scorer: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Equal parts, equal bytes.

    Args:
        encoder: None where there is none yet.
        scorer: Parameters of a ``Scorer``.

    Raises:
        PolicyError: if a parameter isn't finite.
    """
    if encoder is None:
        return _encoder.encode((_FORMAT, _KIND, b"", b""))
    return _encoder.encode((_FORMAT, _KIND, encoder.to_bytes(), arrays.to_bytes(scorer)))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, str, bytes, bytes])
