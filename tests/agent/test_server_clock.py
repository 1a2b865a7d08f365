from __future__ import annotations

from agent.server_clock import ServerClock


class Elapsed:
    ms = 500

    def __call__(self) -> int:
        return self.ms


def test_it_goes_on_by_itself_follows_drift_and_not_jumps() -> None:
    elapsed = Elapsed()
    clock = ServerClock(1_000_000, elapsed)
    elapsed.ms += 100
    assert clock.now_ms() == 1_000_100
    clock.read(1_004_100)
    assert clock.now_ms() == 1_004_100
    clock.read(2_000_000)
    clock.read(500_000)
    assert clock.now_ms() == 1_004_100
    clock.accept(2_000_000)
    elapsed.ms += 1
    assert clock.now_ms() == 2_000_001
