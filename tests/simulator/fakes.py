"""A service and a clock for tests: learns a fixed time after each request, on a clock that only sleeping moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.service import Features, Feedback
from simulator.traffic import Ask, Step


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


class FakeItem(NamedTuple):
    id: str
    propensity: float


@dataclass
class FakeSlate:
    event_id: str
    items: tuple[FakeItem, ...]
    variant: str = "learned"
    version: str = "v1"

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(item.id for item in self.items)


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
    told: list[list[Feedback]] = field(default_factory=list)
    ended_sessions: list[str] = field(default_factory=list)
    n_status: int = 0

    def choose(
        self,
        actions: Mapping[str, Features],
        *,
        context: Features,
        slots: int,
        loop: str,
        user: str,
        session: str | None,
    ) -> FakeSlate:
        assert loop
        assert user
        self.asked_at.append(self.clock.now)
        self.contexts.append(context)
        self.offers.append(list(actions))
        n = len(self.asked_at)
        items = tuple(FakeItem(action, 0.5) for action in list(actions)[:slots])
        return FakeSlate(f"e{n}", items, "learned" if n % 2 else "popularity")

    def rewards(self, feedback: Iterable[Feedback]) -> int:
        pieces = list(feedback)
        assert all(piece["loop"] for piece in pieces)
        self.told.append(pieces)
        return len(pieces)

    def end_session(self, session: str, *, loop: str) -> None:
        assert loop
        self.ended_sessions.append(session)

    def status(self, loop: str) -> FakeReport:
        assert loop
        self.n_status += 1
        learned = sum(at + self.delay_s <= self.clock.now for at in self.asked_at)
        learned = learned if self.n_most is None else min(learned, self.n_most)
        total = self.n_before + learned
        return FakeReport(FakeServing(f"v{total}", total) if total else None, self.experiences)


def step(
    variant: str,
    reward: float,
    *,
    user: str = "u",
    kpi: float = 0.0,
    expected: float | None = None,
    ended: bool = True,
    n_slots: int = 1,
) -> Step:
    """A step that counts so much; the rest doesn't matter to those who count."""
    ask = Ask(user, {}, {"a": {}}, None, expected)
    shown, likely = ("a",) * n_slots, (1.0,) * n_slots
    return Step(0, ask, shown, likely, variant, "v", reward, kpi, ended, 0.0, 0.0)
