from __future__ import annotations

from agent.cadence import Cadence


def test_due_at_once_and_then_after_each_interval() -> None:
    cadence = Cadence(2.0)
    assert cadence.is_due(-5.0)
    cadence.done(10.0)
    assert [cadence.is_due(now) for now in (10.0, 11.9, 12.0)] == [False, False, True]
    cadence.every_s = 0.5
    assert cadence.is_due(10.5)
