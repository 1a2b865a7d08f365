"""One run of a world against a live service, from the first request to the last.

In: a course (the world, its loop and arms) and how hard to drive. Out: the ``Run`` so far, whenever it is looked at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from agent.loops import LoopSettings
from simulator.pacing import LagGate, Pacer
from simulator.service import Service
from simulator.tally import Tally
from simulator.traffic import Route, World, drive


@dataclass(frozen=True, slots=True)
class Course:
    """What is run.

    Attributes:
        settings: What the loop is asked to be.
        controls: Arms that the learned arm is compared with, besides the exact uniform expectation.
        reward_name: What a reward is, for people.
    """

    route: Route
    world: World
    settings: LoopSettings
    controls: tuple[str, ...] = ()
    reward_name: str = "reward"


@dataclass(frozen=True, slots=True)
class Drive:
    """How hard and how long to drive.

    Attributes:
        rate: Requests per second at most; 0 for as fast as the service learns.
        max_lag: Wait whenever the service is more experiences behind.
        n_wanted: Requests, or None for as many as the world has.
        seconds: End after so long, or None.
        clock: Monotonic seconds.
    """

    rate: float = 0.0
    max_lag: int = 100
    n_wanted: int | None = None
    seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Run:
    """One run so far."""

    course: Course
    drive: Drive
    gate: LagGate
    tally: Tally = field(default_factory=Tally)
    began_at: float = field(init=False)
    _ended_at: float | None = None

    def __post_init__(self) -> None:
        self.began_at = self.drive.clock()

    @property
    def seconds(self) -> float:
        """From the run's begin to now, or to its end."""
        return (self.drive.clock() if self._ended_at is None else self._ended_at) - self.began_at

    @property
    def pace(self) -> float:
        """Requests per second so far."""
        return self.tally.n / self.seconds if self.seconds > 0 else math.nan

    @property
    def is_over(self) -> bool:
        """The wanted number, or the time, is reached."""
        time_is_up = self.drive.seconds is not None and self.seconds >= self.drive.seconds
        return time_is_up or self.tally.n == self.drive.n_wanted

    def end(self) -> None:
        """Stop the clock."""
        self._ended_at = self.drive.clock()


class Screen(Protocol):
    """Where a run is shown while it goes on."""

    def update(self, run: Run) -> None:
        """Show the run as it is now; cheap enough to call after each request."""
        ...


def begin(service: Service, course: Course, drive: Drive) -> Run:
    """A run that has sent nothing yet; what the loop had learned before is in its ``gate``."""
    gate = LagGate(service, course.route.loop, max_lag=drive.max_lag, clock=drive.clock, sleep=drive.sleep)
    return Run(course, drive, gate)


def conduct(service: Service, run: Run, screen: Screen) -> None:
    """Send the world's requests until it, the wanted number or the time ends; interrupted, what was counted stays.

    Raises:
        StalledError: when the service stops learning.
    """
    pacer = Pacer(run.drive.rate, clock=run.drive.clock, sleep=run.drive.sleep)
    try:
        for outcome in drive(service, run.course.world, run.course.route, gate=run.gate, pacer=pacer):
            run.tally.add(outcome)
            screen.update(run)
            if run.is_over:
                break
        run.gate.refresh()
    finally:
        run.end()
