"""Sessions that were learned from, to be learned from again: the newest, as bytes, bounded in steps and in bytes.

In: blocks of finished trajectories. Out: others of the same size, drawn from all that is kept. It is state as what
waits is, so a learner that goes on from its state draws the same. Of a step only what was shown is kept; whoever needs
all that was offered can't learn from it again.

Whole trajectories are drawn, so that returns are those of the values believed now. Source: Lin 1992, "Self-improving
reactive agents based on reinforcement learning, planning and teaching" (experience replay).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from policies.base import PolicyError
from policies.neural.kept import KeptSteps
from policies.neural.logged import LoggedStep
from policies.neural.sessions import LoggedTrajectory
from policies.trajectories import Trajectory


class _Format(msgspec.Struct, frozen=True, array_like=True):
    """Oldest first."""

    past: list[tuple[list[bytes], bytes | None]]
    vectors: bytes


class Replay:
    """Finished trajectories, the newest ones.

    Args:
        most_steps: As many steps are kept; 0 keeps nothing.
        most_bytes: Of all of them, in a checkpoint.
    """

    def __init__(self, *, most_steps: int, most_bytes: int) -> None:
        self._most_steps, self._most_bytes = most_steps, most_bytes
        self._kept = KeptSteps()
        self._past: deque[Trajectory[bytes]] = deque()
        self.n_steps = 0

    @property
    def n_bytes(self) -> int:
        """Of all that is kept."""
        return self._kept.n_bytes

    def add(self, block: Sequence[LoggedTrajectory]) -> None:
        """Keep these, and let the oldest go for them."""
        for one in block if self._most_steps else ():
            steps = tuple(self._kept.keep(_shown_only(step)) for step in one.steps)
            after = None if one.following is None else self._kept.keep(_shown_only(one.following))
            self._past.append(Trajectory("", steps, after))
            self.n_steps += len(steps)
            self._make_room()

    def draw(self, n_steps: int, dice: np.random.Generator) -> list[LoggedTrajectory]:
        """Different trajectories, each as likely as any other, until they have so many steps; or all."""
        found, n_found = list[LoggedTrajectory](), 0
        for at in dice.permutation(len(self._past)).tolist():
            if n_found >= n_steps:
                break
            found.append(self._read(self._past[at]))
            n_found += len(found[-1].steps)
        return found

    def to_bytes(self) -> bytes:
        """All of it, exactly; empty where nothing is kept."""
        if not self._past:
            return b""
        past = [(list(one.steps), one.following) for one in self._past]
        return _encoder.encode(_Format(past, self._kept.to_bytes()))

    def restore(self, data: bytes) -> None:
        """Go on from what ``to_bytes`` gave; nothing may be kept yet. What is too much for these options goes.

        Raises:
            PolicyError: if the bytes are something else.
        """
        if not data:
            return
        try:
            found = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no sessions to learn from again: {error}") from error
        self._past = deque(Trajectory("", tuple(steps), after) for steps, after in found.past)
        self._kept.restore(found.vectors, [step for one in self._past for step in one.known])
        self.n_steps = sum(len(one.steps) for one in self._past)
        self._make_room()

    def _make_room(self) -> None:
        while self._past and (self.n_steps > self._most_steps or self.n_bytes > self._most_bytes):
            oldest = self._past.popleft()
            self.n_steps -= len(oldest.steps)
            for step in oldest.known:
                self._kept.let_go(step)

    def _read(self, one: Trajectory[bytes]) -> LoggedTrajectory:
        after = None if one.following is None else self._kept.step(one.following)
        return Trajectory("", tuple(map(self._kept.step, one.steps)), after)


def _shown_only(step: LoggedStep) -> LoggedStep:
    n = len(step.items)
    allowed = np.ones((n, n), dtype=np.bool_)
    return replace(step, candidates=step.shown, items=np.arange(n, dtype=np.uint16), allowed=allowed)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Format)
