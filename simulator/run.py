"""One run of simulated users against a live service, from the first request to the last.

In: a course (the users, their loop and arms) and how hard to drive. Out: the ``Run`` so far, whenever it is looked at.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from agent.loops import LoopSettings
from simulator.pacing import LagGate, Pacer
from simulator.service import Service
from simulator.tally import Tally
from simulator.traffic import Route, Users, play

if TYPE_CHECKING:
    from envs.world import Kpi  # worlds are heavy to load, and a replay needs none


@dataclass(frozen=True, slots=True)
class Course:
    """What is run.

    Attributes:
        settings: What the loop is asked to be.
        controls: Arms that the learned arm is compared with, besides the exact uniform expectation.
        kpi: What the owner of the users' world looks at; None where that is the reward.
    """

    route: Route
    users: Users
    settings: LoopSettings
    controls: tuple[str, ...] = ()
    kpi: Kpi | None = None


@dataclass(frozen=True, slots=True)
class Drive:
    """How hard and how long to drive.

    Attributes:
        rate: Requests per second at most; 0 for as fast as the service learns.
        max_lag: Wait whenever the service is more experiences behind.
        n_wanted: Requests, or None for as many as the users make.
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
    tally: Tally = field(init=False)
    began_at: float = field(init=False)
    _ended_at: float | None = None

    def __post_init__(self) -> None:
        kpi = self.course.kpi
        self.tally = Tally() if kpi is None else Tally(kpi.per)
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
    """Send the users' requests until they, the wanted number or the time end; interrupted, what was counted stays.

    Raises:
        StalledError: when the service stops learning.
    """
    course, clock = run.course, run.drive.clock
    pacer = Pacer(run.drive.rate, clock=clock, sleep=run.drive.sleep)

    def admit() -> None:
        run.gate.admit()
        pacer.wait()

    steps = play(service, course.users, course.route, n_requests=run.drive.n_wanted, admit=admit, clock=clock)
    try:
        for step in steps:
            run.tally.add(step)
            screen.update(run)
            if run.is_over:
                break
        run.gate.refresh()
    finally:
        run.end()
