"""What a training run in a world leaves to a learner that goes on from the log: encoder, nets, scale of rewards.

In: the parts. Out: bytes, checked when they are read back; equal parts give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from policies.base import PolicyError
from policies.neural import arrays
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder

_FORMAT = 1


class Learnable(msgspec.Struct, frozen=True, array_like=True):
    """See the module.

    Attributes:
        kind: Of the agent, as in the registry.
        encoder: Of contexts and actions; it stands still from then on.
        parameters: Of all nets, those that only training needs among them.
        reward_scale: Rewards were divided by this.
        fixed: Options and constants without which the parameters mean something else, as they were in training;
            whoever learns on must have the same. Empty in what was kept before it was told.
    """

    kind: str
    encoder: bytes
    parameters: bytes
    reward_scale: float
    format: int = _FORMAT
    fixed: dict[str, float] = {}

    @classmethod
    def of(
        cls,
        kind: str,
        encoder: DenseEncoder,
        *,
        parameters: Arrays,
        reward_scale: float | None,
        fixed: Mapping[str, float],
    ) -> Learnable:
        """From the parts; without a scale, rewards are as they come.

        Raises:
            PolicyError: if a parameter isn't finite.
        """
        known = dict(sorted(fixed.items()))
        return cls(kind, encoder.to_bytes(), arrays.to_bytes(parameters), reward_scale or 1.0, fixed=known)

    def to_bytes(self) -> bytes:
        """Equal parts, equal bytes."""
        return _encoder.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes, kind: str) -> Learnable:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else, or of another kind of agent.
        """
        try:
            found = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no trained agent that can learn on: {error}") from error
        if (found.kind, found.format) != (kind, _FORMAT):
            raise PolicyError(
                f"a trained agent of kind {found.kind!r:.40}, format {found.format}; this reads {kind}, {_FORMAT}"
            )
        if not (math.isfinite(found.reward_scale) and found.reward_scale > 0.0):
            raise PolicyError(f"reward_scale={found.reward_scale} must be finite and positive; train the agent again")
        return found


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Learnable)
