"""All that learning from the log in blocks needs to go on, as bytes.

In: the parts. Out: msgpack, checked when it is read back; equal parts give equal bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from policies.base import PolicyError
from policies.neural.logged import LoggedStep
from policies.neural.sessions import LoggedTrajectory
from policies.trajectories import Trajectories, Trajectory

_FORMAT = 1


class Early(NamedTuple):
    """What came before there was an encoder.

    Attributes:
        lesson: As it came; empty for the end of the trajectory.
    """

    trajectory: str
    at_ms: int
    lesson: bytes = b""


class State(msgspec.Struct, frozen=True, array_like=True):
    """See the module.

    Attributes:
        kind: Of the agent, as in the registry.
        seed: Of the first weights and of the order of updates.
        n_learned: Lessons taken.
        n_blocks: Blocks learned from.
        reward_scale: Rewards are divided by this.
        early: What came before there was an encoder.
        encoder: Empty before there is one; then the next three are too.
        parameters: Of the agent.
        served: Of what serves; empty for the agent's own.
        moments: Of its optimiser.
        open: Open trajectories.
        block: Finished ones that wait to be learned from.
    """

    format: int
    kind: str
    seed: int
    n_learned: int
    n_blocks: int
    reward_scale: float
    early: list[Early]
    encoder: bytes
    parameters: bytes
    served: bytes
    moments: bytes
    open: bytes
    block: list[bytes]

    @classmethod
    def fresh(cls, kind: str, seed: int, *, scale: float = 1.0, encoder: bytes = b"", parameters: bytes = b"") -> State:
        """Nothing has come yet; what a training run in a world knows may be given."""
        nothing = Trajectories[LoggedStep]().to_bytes(LoggedStep.pack)
        return cls(_FORMAT, kind, seed % 2**63, 0, 0, scale, [], encoder, parameters, b"", b"", nothing, [])

    def to_bytes(self) -> bytes:
        """Equal parts, equal bytes."""
        return _encoder.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes, kind: str) -> State:
        """What ``to_bytes`` gave.

        Raises:
            PolicyError: if the bytes are something else, or of another kind of agent.
        """
        try:
            found = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no state of {kind}: {error}") from error
        if (found.kind, found.format) != (kind, _FORMAT):
            raise PolicyError(
                f"a state of {found.kind!r:.40}, format {found.format}; this release reads {kind}, format {_FORMAT}"
            )
        return found


def pack_trajectory(trajectory: LoggedTrajectory) -> bytes:
    """A finished trajectory, exactly."""
    following = trajectory.following
    steps = [step.pack() for step in trajectory.steps]
    return _encoder.encode((trajectory.name, steps, trajectory.ended, None if following is None else following.pack()))


def unpack_trajectory(data: bytes) -> LoggedTrajectory:
    """What ``pack_trajectory`` gave.

    Raises:
        PolicyError: if the bytes are something else.
    """
    try:
        name, steps, ended, following = _trajectories.decode(data)
    except msgspec.MsgspecError as error:
        raise PolicyError(f"{len(data)} bytes are no trajectory: {error}") from error
    unpacked = tuple(LoggedStep.unpack(step) for step in steps)
    return Trajectory(name, unpacked, ended, None if following is None else LoggedStep.unpack(following))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)
_trajectories: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(tuple[str, list[bytes], bool, bytes | None])
