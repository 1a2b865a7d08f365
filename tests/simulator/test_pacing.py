from __future__ import annotations

import pytest

from simulator.pacing import LagGate, Pacer, StalledError
from tests.simulator.fakes import FakeClock, FakeExperiences, FakeService


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
