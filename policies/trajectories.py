"""Steps of many interleaved sessions become trajectories: what one user was shown, in order, until it was over.

In: steps in log order, each with the trajectory's name and stream time, and session ends. Out: trajectories, each as
soon as it is over. A step is whatever a learner makes of a lesson; nothing here looks into it.

A trajectory is over, and nothing follows, when its session ends or has been idle for longer than ``gap_s`` in stream
time. It is *cut*, and goes on in another one, when it is as long as it may be. Whoever keeps the steps may ask for
room: then the trajectory idle for longest is over, as if the gap were shorter just then. If it were cut instead,
nothing would ever be known to end where clients end no session, and values that look ahead would rest on nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from policies.base import PolicyError

Step = TypeVar("Step")

GAP_S = 1800.0
MOST_STEPS = 500

_FORMAT = 2
_PER_NAME = 16


@dataclass(frozen=True, slots=True)
class Trajectory(Generic[Step]):
    """Steps that followed one another.

    Attributes:
        name: Of the trajectory; a session that was cut goes on in another one of this name.
        steps: In log order, at least one.
        following: The step after a cut, to look ahead to; None where nothing follows.
    """

    name: str
    steps: tuple[Step, ...]
    following: Step | None = None

    @property
    def ended(self) -> bool:
        """Nothing follows: it was not cut."""
        return self.following is None

    @property
    def known(self) -> tuple[Step, ...]:
        """Its steps, and the one after a cut."""
        return self.steps if self.following is None else (*self.steps, self.following)


@dataclass(slots=True)
class _Open(Generic[Step]):
    latest_ms: int
    steps: list[Step] = field(default_factory=list)


class Trajectories(Generic[Step]):
    """The open trajectories of one learner.

    Args:
        gap_s: A trajectory is over when nothing came for longer than so many seconds of stream time.
        most_steps: A trajectory is cut when it has so many steps and another one comes.

    Attributes:
        n_cut: Trajectories cut for their length.
        n_hurried: Trajectories that were over because room was needed.
        n_open: Steps of open trajectories.
        n_name_bytes: Bytes of the open ones' names, and of when each was heard of last.
    """

    def __init__(self, *, gap_s: float = GAP_S, most_steps: int = MOST_STEPS) -> None:
        self._gap_ms, self._most_steps = round(1000 * gap_s), most_steps
        self._open: OrderedDict[str, _Open[Step]] = OrderedDict()
        self.n_cut = self.n_hurried = self.n_open = self.n_name_bytes = 0

    @property
    def n_sessions(self) -> int:
        """Trajectories that are open."""
        return len(self._open)

    @property
    def steps(self) -> Iterator[Step]:
        """All that are open."""
        return (step for one in self._open.values() for step in one.steps)

    def take(self, step: Step, name: str, at_ms: int) -> list[Trajectory[Step]]:
        """The next step of a trajectory, which it begins if there is none of this name; "" is one of its own.

        Returns:
            What is over now, in the order of its latest steps.
        """
        over = self.wait(at_ms)
        if not name:
            return [*over, Trajectory(name, (step,))]
        known = self._open.get(name)
        if known is not None and len(known.steps) >= self._most_steps:
            over.append(self._close(name, following=step))
            self.n_cut += 1
        if name not in self._open:
            self.n_name_bytes += _n_bytes(name)
        known = self._open.setdefault(name, _Open(at_ms))
        known.steps.append(step)
        known.latest_ms = at_ms
        self.n_open += 1
        self._open.move_to_end(name)
        return over

    def end(self, name: str, at_ms: int) -> list[Trajectory[Step]]:
        """A trajectory's session has ended; nothing happens to one that isn't open."""
        over = self.wait(at_ms)
        return [*over, self._close(name)] if name in self._open else over

    def wait(self, at_ms: int) -> list[Trajectory[Step]]:
        """Stream time has come so far: what has been idle for too long is over."""
        over: list[Trajectory[Step]] = []
        while self._open:
            name, oldest = next(iter(self._open.items()))
            if at_ms - oldest.latest_ms <= self._gap_ms:
                break
            over.append(self._close(name))
        return over

    def make_room(self) -> list[Trajectory[Step]]:
        """The one idle for longest is over, if one is open at all."""
        if not self._open:
            return []
        self.n_hurried += 1
        return [self._close(next(iter(self._open)))]

    def to_bytes(self, pack: Callable[[Step], bytes]) -> bytes:
        """What is open, exactly: the same steps, the same bytes."""
        open_ = [(name, one.latest_ms, [pack(step) for step in one.steps]) for name, one in self._open.items()]
        return _encoder.encode((_FORMAT, self.n_cut, self.n_hurried, open_))

    def restore(self, data: bytes, unpack: Callable[[bytes], Step]) -> None:
        """Go on from what ``to_bytes`` gave, whatever is open now.

        Raises:
            PolicyError: if the bytes are something else.
        """
        try:
            version, n_cut, n_hurried, open_ = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise PolicyError(f"{len(data)} bytes are no open trajectories: {error}") from error
        if version != _FORMAT:
            raise PolicyError(f"open trajectories of format {version}; this release reads format {_FORMAT}")
        self.n_cut, self.n_hurried, self._open = n_cut, n_hurried, OrderedDict()
        for name, latest_ms, steps in open_:
            self._open[name] = _Open(latest_ms, [unpack(step) for step in steps])
        self.n_open = sum(len(one.steps) for one in self._open.values())
        self.n_name_bytes = sum(map(_n_bytes, self._open))

    def _close(self, name: str, *, following: Step | None = None) -> Trajectory[Step]:
        steps = self._open.pop(name).steps
        self.n_open -= len(steps)
        self.n_name_bytes -= _n_bytes(name)
        return Trajectory(name, tuple(steps), following)


def _n_bytes(name: str) -> int:
    return len(name.encode()) + _PER_NAME


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, int, int, list[tuple[str, int, list[bytes]]]])
