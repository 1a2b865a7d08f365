"""All that learning from the log in blocks needs to go on, as bytes.

In: the parts. Out: msgpack, checked when it is read back; equal parts give equal bytes.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from policies.base import PolicyError

_FORMAT = 2


class Early(NamedTuple):
    """What came before there was an encoder.

    Attributes:
        lesson: As it came; empty for the end of the trajectory.
    """

    trajectory: str
    at_ms: int
    lesson: bytes = b""


class State(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """See the module.

    Attributes:
        kind: Of the agent, as in the registry.
        seed: Of the first weights and of the order of updates.
        n_learned: Lessons taken.
        n_blocks: Blocks learned from.
        n_dropped: Of these, blocks that were let go again, since no number came of them.
        n_strange: Lessons with something that the encoder leaves out, as it came after it was fitted.
        reward_scale: Rewards are divided by this.
        early: What came before there was an encoder.
        encoder: Empty before there is one; then the next three are too.
        parameters: Of the agent.
        served: Of what serves; empty for the agent's own.
        moments: Of its optimiser.
        waiting: ``Waiting``; empty where nothing waits.
        replay: ``Replay``; empty where nothing is learned from again.
    """

    format: int = _FORMAT
    kind: str
    seed: int
    n_learned: int = 0
    n_blocks: int = 0
    n_dropped: int = 0
    n_strange: int = 0
    reward_scale: float = 1.0
    early: list[Early] = []
    encoder: bytes = b""
    parameters: bytes = b""
    served: bytes = b""
    moments: bytes = b""
    waiting: bytes = b""
    replay: bytes = b""

    @classmethod
    def fresh(cls, kind: str, seed: int, *, scale: float = 1.0, encoder: bytes = b"", parameters: bytes = b"") -> State:
        """Nothing has come yet; what a training run in a world knows may be given."""
        return cls(kind=kind, seed=seed % 2**63, reward_scale=scale, encoder=encoder, parameters=parameters)

    def to_bytes(self) -> bytes:
        """Equal parts, equal bytes."""
        return _encoder.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes, kind: str) -> State:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else, of another release's format, or of another kind of agent.
        """
        try:
            begins = _head.decode(data)
            if (begins.kind, begins.format) != (kind, _FORMAT):
                found = f"a state of {begins.kind!r:.40}, format {begins.format}"
                raise PolicyError(f"{found}; this release reads {kind}, format {_FORMAT}")
            return _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no state of {kind}: {error}") from error


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What every format begins with."""

    format: int
    kind: str


_encoder = msgspec.msgpack.Encoder()
_head = msgspec.msgpack.Decoder(_Head)
_decoder = msgspec.msgpack.Decoder(State)
