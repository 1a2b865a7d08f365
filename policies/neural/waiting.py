"""What waits to be learned from: open trajectories, and finished ones until they fill a block; bounded in bytes.

In: steps and session ends in log order. Out: blocks of finished trajectories, each as soon as it is full. All that
waits is state, so how much may wait bounds a checkpoint: when it is too much, the sessions idle for longest count as
over, and a block is learned from before it is full where even that leaves no room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from policies.backlog import Backlog
from policies.base import PolicyError
from policies.neural.kept import KeptSteps
from policies.neural.logged import LoggedStep
from policies.neural.sessions import LoggedTrajectory
from policies.trajectories import Trajectories, Trajectory

Block = list[LoggedTrajectory]

FIRST_BLOCK = 256
"""The first block is so small; each one after it is twice as large, up to the options' size."""

_SHARE = 4
"""Where room is short, a block of this part of all that waits is worth learning from."""

LATE_S = 3600.0
LATE_BLOCKS = 2
"""Nothing was learned for long where, since the last block, steps for so many came within more than so much stream
time: sessions stay open."""

VERY_LATE_S = 86_400.0
"""Or where after so much stream time a block still isn't full, however few steps came: it is too large."""


class _Format(msgspec.Struct, frozen=True, array_like=True):
    """Names are not needed any more once a trajectory is over."""

    open: bytes
    block: list[tuple[list[bytes], bytes | None]]
    vectors: bytes
    n_blocks: int
    n_since: int = 0
    since_ms: int = 0
    latest_ms: int = 0


class Waiting:
    """Steps on their way from the log to a block.

    Args:
        block: Steps of a block.
        gap_s: See ``Trajectories``.
        most_steps: See ``Trajectories``.
        most_bytes: As many may wait, in bytes of a checkpoint. A block's candidates, each step's filled up to as many
            as the one that offers most, are no more either, but for those of a single trajectory.
    """

    def __init__(self, *, block: int, gap_s: float, most_steps: int, most_bytes: int) -> None:
        self._most_block, self._most_bytes = block, most_bytes
        self._gap_s = gap_s
        self._kept = KeptSteps()
        self._open: Trajectories[bytes] = Trajectories(gap_s=gap_s, most_steps=most_steps)
        self._block: list[Trajectory[bytes]] = []
        self._n_finished = self._n_widest = self._n_blocks = 0
        self._n_since = self._since_ms = self._latest_ms = 0

    @property
    def n_bytes(self) -> int:
        """Of all that waits."""
        return self._kept.n_bytes + self._open.n_name_bytes

    def take(self, step: LoggedStep, name: str, at_ms: int) -> list[Block]:
        """The next step of a trajectory; what is to be learned from now."""
        self._since_ms = self._since_ms if self._n_since else at_ms
        self._n_since, self._latest_ms = self._n_since + 1, at_ms
        blocks = self._finish(self._open.take(self._kept.keep(step), name, at_ms))
        while self.n_bytes > self._most_bytes and (self._open.n_open or self._block):
            if self._is_worth_it:
                blocks.append(self._given())
            else:
                blocks += self._finish(self._open.make_room())
        return blocks

    def end(self, name: str, at_ms: int) -> list[Block]:
        """A session has ended; what is to be learned from now."""
        self._latest_ms = at_ms
        return self._finish(self._open.end(name, at_ms))

    def backlog(self) -> Backlog:
        """How much waits, and for how long."""
        return Backlog(
            n_sessions=self._open.n_sessions,
            n_open=self._open.n_open,
            n_finished=self._n_finished,
            n_block=self._n_full,
            n_blocks=self._n_blocks,
            n_since=self._n_since,
            since_s=self._since_s,
            gap_s=self._gap_s,
        )

    def troubles(self) -> Mapping[str, int]:
        """Trajectories that were not over by themselves, and steps that wait for too long, by reason."""
        found = {
            "block: steps wait, and for long no block of finished ones was full": self._is_late * self._n_waiting,
            "room: too many sessions were open; those idle for longest counted as over": self._open.n_hurried,
            "length: sessions with more than options.most_steps steps go on as new ones": self._open.n_cut,
        }
        return {reason: count for reason, count in found.items() if count}

    def to_bytes(self) -> bytes:
        """All of it, exactly."""
        block = [(list(one.steps), one.following) for one in self._block]
        return _encoder.encode(
            _Format(
                self._open.to_bytes(lambda step: step),
                block,
                self._kept.to_bytes(),
                self._n_blocks,
                self._n_since,
                self._since_ms,
                self._latest_ms,
            )
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
        block = [Trajectory("", tuple(steps), after) for steps, after in found.block]
        self._n_blocks = found.n_blocks
        self._n_since, self._since_ms, self._latest_ms = found.n_since, found.since_ms, found.latest_ms
        self._kept.restore(found.vectors, [*self._open.steps, *(step for one in block for step in one.known)])
        for one in block:
            self._add(one)

    @property
    def _n_full(self) -> int:
        return min(self._most_block, FIRST_BLOCK << min(self._n_blocks, 16))

    @property
    def _is_full(self) -> bool:
        return self._n_finished >= self._n_full or self._n_finished * self._n_widest >= self._most_bytes

    @property
    def _n_waiting(self) -> int:
        return self._n_finished + self._open.n_open

    @property
    def _is_worth_it(self) -> bool:
        return not self._open.n_open or _SHARE * self._n_finished >= self._n_waiting

    @property
    def _since_s(self) -> float:
        return max(0, self._latest_ms - self._since_ms) / 1000 if self._n_since else 0.0

    @property
    def _is_late(self) -> bool:
        enough = self._n_since >= LATE_BLOCKS * self._n_full
        return self._since_s > (LATE_S if enough else VERY_LATE_S)

    def _finish(self, over: Iterable[Trajectory[bytes]]) -> list[Block]:
        blocks = []
        for trajectory in over:
            if trajectory.following is not None:
                self._kept.hold(trajectory.following)  # it waits as the first of the next one too
            if self._block and self._is_too_wide(trajectory):
                blocks.append(self._given())
            self._add(replace(trajectory, name=""))
            if self._is_full:
                blocks.append(self._given())
        return blocks

    def _add(self, trajectory: Trajectory[bytes]) -> None:
        self._block.append(trajectory)
        self._n_finished += len(trajectory.steps)
        self._n_widest = max(self._n_widest, self._widest(trajectory))

    def _is_too_wide(self, trajectory: Trajectory[bytes]) -> bool:
        """Whether the block's candidates would be too many bytes with these beside them."""
        n_steps = self._n_finished + len(trajectory.steps)
        return n_steps * max(self._n_widest, self._widest(trajectory)) > self._most_bytes

    def _widest(self, trajectory: Trajectory[bytes]) -> int:
        return max(map(self._kept.n_dense, trajectory.known))

    def _given(self) -> Block:
        """The block, which waits no more."""
        block = [self._read(one) for one in self._block]
        for step in [step for one in self._block for step in one.known]:
            self._kept.let_go(step)
        self._block, self._n_finished, self._n_widest = [], 0, 0
        self._n_blocks, self._n_since = self._n_blocks + 1, 0
        return block

    def _read(self, one: Trajectory[bytes]) -> LoggedTrajectory:
        after = None if one.following is None else self._kept.step(one.following)
        return Trajectory(one.name, tuple(map(self._kept.step, one.steps)), after)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Format)
