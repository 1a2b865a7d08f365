"""What waits to be learned from: open trajectories, and finished ones until they fill a block; bounded in bytes.

In: steps and session ends in log order. Out: blocks of finished trajectories, each as soon as it is full. All that
waits is state, so how much may wait bounds a checkpoint: when it is too much, the sessions idle for longest count as
over, and a block is learned from before it is full where even that leaves no room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from policies.base import PolicyError
from policies.neural.kept import KeptSteps
from policies.neural.logged import LoggedStep
from policies.neural.sessions import LoggedTrajectory, n_usable
from policies.trajectories import Trajectories, Trajectory

Block = list[LoggedTrajectory]

FIRST_BLOCK = 256
"""The first block is so small; each one after it is twice as large, up to the options' size."""

_SHARE = 4
"""Where room is short, a block of this part of all that waits is worth learning from."""


class _Format(msgspec.Struct, frozen=True, array_like=True):
    """Names are not needed any more once a trajectory is over."""

    open: bytes
    block: list[tuple[list[bytes], bytes | None]]
    vectors: bytes
    n_blocks: int


class Waiting:
    """Steps on their way from the log to a block.

    Args:
        block: Steps of a block.
        gap_s: See ``Trajectories``.
        most_steps: See ``Trajectories``.
        most_bytes: As many may wait, in bytes of a checkpoint. A block's candidates, side by side, are no more either.
    """

    def __init__(self, *, block: int, gap_s: float, most_steps: int, most_bytes: int) -> None:
        self._most_block, self._most_bytes = block, most_bytes
        self._kept = KeptSteps()
        self._open: Trajectories[bytes] = Trajectories(gap_s=gap_s, most_steps=most_steps)
        self._block: list[Trajectory[bytes]] = []
        self._n_usable = self._n_dense = self._n_blocks = 0

    @property
    def n_bytes(self) -> int:
        """Of all that waits."""
        return self._kept.n_bytes + self._open.n_name_bytes

    def take(self, step: LoggedStep, name: str, at_ms: int) -> list[Block]:
        """The next step of a trajectory; what is to be learned from now."""
        blocks = self._finish(self._open.take(self._kept.keep(step), name, at_ms))
        while self.n_bytes > self._most_bytes and (self._open.n_open or self._block):
            if self._is_worth_it:
                blocks.append(self._given())
            else:
                blocks += self._finish(self._open.make_room())
        return blocks

    def end(self, name: str, at_ms: int) -> list[Block]:
        """A session has ended; what is to be learned from now."""
        return self._finish(self._open.end(name, at_ms))

    def troubles(self) -> Mapping[str, int]:
        """Trajectories that were not over by themselves, by reason."""
        found = {
            "room: too many sessions were open; those idle for longest counted as over": self._open.n_hurried,
            "length: sessions with more than options.most_steps steps go on as new ones": self._open.n_cut,
        }
        return {reason: count for reason, count in found.items() if count}

    def to_bytes(self) -> bytes:
        """All of it, exactly."""
        block = [(list(one.steps), one.following) for one in self._block]
        return _encoder.encode(
            _Format(self._open.to_bytes(lambda step: step), block, self._kept.to_bytes(), self._n_blocks)
        )

    def restore(self, data: bytes) -> None:
        """Go on from what ``to_bytes`` gave; nothing may wait yet.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            found = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are not what waits to be learned from: {error}") from error
        self._open.restore(found.open, lambda step: step)
        block = [Trajectory("", tuple(steps), after is None, after) for steps, after in found.block]
        self._n_blocks = found.n_blocks
        self._kept.restore(found.vectors, [*self._open.steps, *(step for one in block for step in _all_of(one))])
        for one in block:
            self._add(one)

    @property
    def _is_full(self) -> bool:
        most = min(self._most_block, FIRST_BLOCK << min(self._n_blocks, 16))
        return self._n_usable >= most or self._n_dense >= self._most_bytes

    @property
    def _is_worth_it(self) -> bool:
        return not self._open.n_open or _SHARE * self._n_usable >= self._n_usable + self._open.n_open

    def _finish(self, over: Iterable[Trajectory[bytes]]) -> list[Block]:
        blocks = []
        for trajectory in over:
            if trajectory.following is not None:
                self._kept.hold(trajectory.following)  # it waits as the first of the next one too
            self._add(replace(trajectory, name=""))
            if self._is_full:
                blocks.append(self._given())
        return blocks

    def _add(self, trajectory: Trajectory[bytes]) -> None:
        self._block.append(trajectory)
        self._n_usable += n_usable(trajectory)
        self._n_dense += sum(map(self._kept.n_dense, trajectory.steps))

    def _given(self) -> Block:
        """The block, which waits no more."""
        block = [self._read(one) for one in self._block]
        for step in [step for one in self._block for step in _all_of(one)]:
            self._kept.let_go(step)
        self._block, self._n_usable, self._n_dense = [], 0, 0
        self._n_blocks += 1
        return block

    def _read(self, one: Trajectory[bytes]) -> LoggedTrajectory:
        after = None if one.following is None else self._kept.step(one.following)
        return Trajectory(one.name, tuple(map(self._kept.step, one.steps)), one.ended, after)


def _all_of(one: Trajectory[bytes]) -> list[bytes]:
    return [*one.steps] if one.following is None else [*one.steps, one.following]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Format)
