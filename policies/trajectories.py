"""Steps of many interleaved sessions become trajectories: what one user was shown, in order, until it was over.

In: steps in log order, each with the trajectory's name and stream time, and session ends. Out: trajectories, each as
soon as it is over. A step is whatever a learner makes of a lesson; nothing here looks into it.

A trajectory is over when its session ends or has been idle for longer than ``gap_s`` in stream time (then nothing
follows), or when it is *cut*: it is as long as it may be, or too many steps are open. So what is open stays bounded,
and so does a learner's state, whatever clients do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from policies.base import PolicyError

Step = TypeVar("Step")

GAP_S = 1800.0
MOST_STEPS = 500
MOST_OPEN = 20_000

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Trajectory(Generic[Step]):
    """Steps that followed one another.

    Attributes:
        name: Of the trajectory; a session that was cut goes on in another one of this name.
        steps: In log order, at least one.
        ended: Nothing follows; False where it was cut.
        following: The step after a cut, to look ahead to; None where it is unknown, then the last step tells only
            where the one before it led.
    """

    name: str
    steps: tuple[Step, ...]
    ended: bool
    following: Step | None = None


@dataclass(slots=True)
class _Open(Generic[Step]):
    latest_ms: int
    steps: list[Step] = field(default_factory=list)


class Trajectories(Generic[Step]):
    """The open trajectories of one learner.

    Args:
        gap_s: A trajectory is over when nothing came for longer than so many seconds of stream time.
        most_steps: A trajectory is cut when it has so many steps and another one comes.
        most_open: When more steps than so many are open, the trajectory idle for longest is cut.

    Attributes:
        n_cut: Trajectories cut because too many steps were open.
        n_open: Steps of open trajectories.
    """

    def __init__(self, *, gap_s: float = GAP_S, most_steps: int = MOST_STEPS, most_open: int = MOST_OPEN) -> None:
        self._gap_ms, self._most_steps, self._most_open = round(1000 * gap_s), most_steps, most_open
        self._open: OrderedDict[str, _Open[Step]] = OrderedDict()
        self.n_cut = 0
        self.n_open = 0

    def take(self, step: Step, name: str, at_ms: int) -> list[Trajectory[Step]]:
        """The next step of a trajectory, which it begins if there is none of this name; "" is one of its own.

        Returns:
            What is over now, in the order of its latest steps.
        """
        over = self.wait(at_ms)
        if not name:
            return [*over, Trajectory(name, (step,), ended=True)]
        known = self._open.get(name)
        if known is not None and len(known.steps) >= self._most_steps:
            over.append(self._close(name, ended=False, following=step))
        known = self._open.setdefault(name, _Open(at_ms))
        known.steps.append(step)
        known.latest_ms = at_ms
        self.n_open += 1
        self._open.move_to_end(name)
        while self.n_open > self._most_open:
            over.append(self._close(next(iter(self._open)), ended=False))
            self.n_cut += 1
        return over

    def end(self, name: str, at_ms: int) -> list[Trajectory[Step]]:
        """A trajectory's session has ended; nothing happens to one that isn't open."""
        over = self.wait(at_ms)
        return [*over, self._close(name, ended=True)] if name in self._open else over

    def wait(self, at_ms: int) -> list[Trajectory[Step]]:
        """Stream time has come so far: what has been idle for too long is over."""
        over: list[Trajectory[Step]] = []
        while self._open:
            name, oldest = next(iter(self._open.items()))
            if at_ms - oldest.latest_ms <= self._gap_ms:
                break
            over.append(self._close(name, ended=True))
        return over

    def to_bytes(self, pack: Callable[[Step], bytes]) -> bytes:
        """What is open, exactly: the same steps, the same bytes."""
        open_ = [(name, one.latest_ms, [pack(step) for step in one.steps]) for name, one in self._open.items()]
        return _encoder.encode((_FORMAT, self.n_cut, open_))

    def restore(self, data: bytes, unpack: Callable[[bytes], Step]) -> None:
        """Go on from what ``to_bytes`` gave, whatever is open now.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            version, n_cut, open_ = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no open trajectories: {error}") from error
        if version != _FORMAT:
            raise PolicyError(f"open trajectories of format {version}; this release reads format {_FORMAT}")
        self.n_cut, self._open = n_cut, OrderedDict()
        for name, latest_ms, steps in open_:
            self._open[name] = _Open(latest_ms, [unpack(step) for step in steps])
        self.n_open = sum(len(one.steps) for one in self._open.values())

    def _close(self, name: str, *, ended: bool, following: Step | None = None) -> Trajectory[Step]:
        steps = self._open.pop(name).steps
        self.n_open -= len(steps)
        return Trajectory(name, tuple(steps), ended, following)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, int, list[tuple[str, int, list[bytes]]]])
