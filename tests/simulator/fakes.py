"""A service and a clock for tests: learns a fixed time after each request, on a clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulator.service import Features


class FakeClock:
    """Seconds that pass only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


@dataclass
class FakeSlate:
    event_id: str
    ids: tuple[str, ...]
    variant: str = "learned"
    version: str = "v1"


@dataclass
class FakeServing:
    version: str
    n_learned: int


@dataclass
class FakeExperiences:
    refused: int = 0
    inactive: int = 0
    clock_jump: int = 0


@dataclass
class FakeReport:
    serving: FakeServing | None
    experiences: FakeExperiences
    why: Sequence[str] = ("no learner is alive",)


@dataclass
class FakeService:
    """Serves the actions as offered; what was asked for is learned ``delay_s`` later, at most ``n_most`` in all."""

    clock: FakeClock
    delay_s: float = 1.0
    n_before: int = 0
    n_most: int | None = None
    experiences: FakeExperiences = field(default_factory=FakeExperiences)
    asked_at: list[float] = field(default_factory=list)
    contexts: list[Features] = field(default_factory=list)
    offers: list[list[str]] = field(default_factory=list)
    rewards: dict[str, list[float]] = field(default_factory=dict)
    n_status: int = 0

    def choose(
        self, actions: Mapping[str, Features], *, context: Features, slots: int, loop: str, user: str
    ) -> FakeSlate:
        assert loop
        assert user
        self.asked_at.append(self.clock.now)
        self.contexts.append(context)
        self.offers.append(list(actions))
        n = len(self.asked_at)
        return FakeSlate(f"e{n}", tuple(actions)[:slots], "learned" if n % 2 else "popularity")

    def reward_slate(self, event_id: str, values: Sequence[float], *, loop: str) -> int:
        assert loop
        self.rewards[event_id] = list(values)
        return len(values)

    def status(self, loop: str) -> FakeReport:
        assert loop
        self.n_status += 1
        learned = sum(at + self.delay_s <= self.clock.now for at in self.asked_at)
        learned = learned if self.n_most is None else min(learned, self.n_most)
        total = self.n_before + learned
        return FakeReport(FakeServing(f"v{total}", total) if total else None, self.experiences)
