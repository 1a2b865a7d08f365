from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from simulator.pacing import POLL_S, LagGate, Pacer, StalledError, wait_until_served
from tests.simulator.fakes import FakeClock, FakeExperiences, FakeReport, FakeService


def gate(service: FakeService, clock: FakeClock, *, max_lag: int, patience_s: float = 60.0) -> LagGate:
    return LagGate(service, "loop", max_lag=max_lag, clock=clock, sleep=clock.sleep, patience_s=patience_s)


def ask(service: FakeService) -> None:
    service.choose({"a": {}}, context={}, slots=1, loop="loop", user="u", session=None)


def send_many(service: FakeService, lag_gate: LagGate) -> None:
    for _ in range(20):
        lag_gate.admit()
        ask(service)


def test_the_service_is_never_further_behind_than_allowed() -> None:
    clock = FakeClock()
    service = FakeService(clock, delay_s=2.0)
    lag_gate = gate(service, clock, max_lag=5)
    for n_sent in range(40):
        lag_gate.admit()
        report = service.status("loop")
        assert n_sent - (report.serving.n_learned if report.serving else 0) <= 5
        ask(service)
    assert lag_gate.n_sent == 40
    assert clock.now >= 1000.0 + 2.0 * (40 // 6 - 1)
    assert lag_gate.waited_s == pytest.approx(sum(clock.naps))


def test_nothing_is_waited_for_while_the_service_keeps_up() -> None:
    clock = FakeClock()
    service = FakeService(clock, delay_s=0.0)
    lag_gate = gate(service, clock, max_lag=10)
    for _ in range(100):
        lag_gate.admit()
        ask(service)
    assert clock.naps == []
    assert service.n_status <= 11


def test_what_was_learned_before_does_not_count() -> None:
    clock = FakeClock()
    service = FakeService(clock, delay_s=1.0, n_before=500)
    lag_gate = gate(service, clock, max_lag=2)
    for _ in range(4):
        lag_gate.admit()
        ask(service)
    assert lag_gate.n_at_start == 500
    assert clock.now > 1000.0


def test_experiences_that_are_never_learned_are_not_waited_for() -> None:
    clock = FakeClock()
    service = FakeService(clock, delay_s=0.0, n_most=3, experiences=FakeExperiences())
    lag_gate = gate(service, clock, max_lag=0)
    for n_sent in range(5):
        if n_sent >= 3:
            service.experiences.refused += 1
        lag_gate.admit()
        ask(service)
    assert lag_gate.n_sent == 5


def test_a_service_that_stops_learning_is_an_error_with_its_reasons() -> None:
    clock = FakeClock()
    service = FakeService(clock, n_most=2)
    lag_gate = gate(service, clock, max_lag=3, patience_s=30.0)
    with pytest.raises(StalledError, match="learned nothing for 30 s and is 4 experiences behind: no learner is alive"):
        send_many(service, lag_gate)
    assert lag_gate.n_sent == 6


@dataclass
class BeginsLate(FakeService):
    """Serves nothing before ``begins_at``."""

    begins_at: float = 1000.0

    def status(self, loop: str) -> FakeReport:
        found = super().status(loop)
        return found if self.clock.now >= self.begins_at else replace(found, serving=None)


def test_a_loop_that_begins_with_an_agent_is_waited_for() -> None:
    clock = FakeClock()
    service = BeginsLate(clock, n_before=1, begins_at=1004.0)
    waited_s = wait_until_served(service, "loop", clock=clock, sleep=clock.sleep)
    assert waited_s == pytest.approx(4.0, abs=POLL_S)
    assert wait_until_served(service, "loop", clock=clock, sleep=clock.sleep) == 0.0


def test_a_loop_that_never_serves_its_agent_is_an_error_with_reasons_and_a_cure() -> None:
    clock = FakeClock()
    service = BeginsLate(clock, n_before=1, begins_at=9999.0)
    with pytest.raises(StalledError, match=r"loop mine does not serve .* after 30 s.* says: no learner is alive Look"):
        wait_until_served(service, "mine", clock=clock, sleep=clock.sleep, patience_s=30.0)
    assert clock.now == pytest.approx(1030.0, abs=2 * POLL_S)


def test_a_pacer_keeps_the_rate_and_makes_nothing_up() -> None:
    clock = FakeClock()
    pacer = Pacer(10.0, clock=clock, sleep=clock.sleep)
    for _ in range(11):
        pacer.wait()
    assert clock.now == pytest.approx(1001.0)
    clock.now += 50.0
    pacer.wait()
    pacer.wait()
    assert clock.now == pytest.approx(1051.1)


def test_rate_zero_never_sleeps() -> None:
    clock = FakeClock()
    pacer = Pacer(0.0, clock=clock, sleep=clock.sleep)
    for _ in range(5):
        pacer.wait()
    assert clock.naps == []
