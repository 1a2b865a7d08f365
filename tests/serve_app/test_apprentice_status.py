from __future__ import annotations

from agent.apprentice import ApprenticeSums
from agent.progress import Progress
from serve_app.apprentice_status import ApprenticeStatus, apprentice_of
from serve_app.personalizer.apprentice import metrics


def report(*values: float) -> Progress:
    return Progress("x", "l", apprentice=ApprenticeSums(*values))  # type: ignore[arg-type]  # whole numbers as such


def test_nothing_is_told_before_the_first_decision() -> None:
    for nothing in (None, report()):
        assert apprentice_of(nothing) is None
        assert metrics(nothing) is None


def test_what_both_earned() -> None:
    found = apprentice_of(report(8, 6, 4.0, 3.0, 1000, 5000))
    assert found == ApprenticeStatus(8, 6, 0.75, 0.5, 0.5, 0.75, is_ready=True)


def test_an_apprentice_that_never_agrees_is_not_ready() -> None:
    found = apprentice_of(report(4, 0, -1.0, 0.0, 1000, 5000))
    assert found == ApprenticeStatus(4, 0, 0.0, -0.25, None, None, is_ready=False)


def test_the_dialects_metrics() -> None:
    assert metrics(report(8, 6, 4.0, 3.0, 1_767_607_200_000, 1_767_607_201_000)) == {
        "startTime": "2026-01-05T10:00:00Z",
        "lastProcessedEventTime": "2026-01-05T10:00:01Z",
        "numberOfEvents": 8,
        "numberOfImitatedEvents": 6,
        "sumOfRewards": 4.0,
        "sumOfImitatedRewards": 3.0,
    }
