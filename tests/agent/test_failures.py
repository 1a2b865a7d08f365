"""A failure is told whole once, then now and then in a line, and whole again once it is another."""

from __future__ import annotations

import logging

import pytest

from agent.failures import REMIND_S, FailureLog

log = logging.getLogger("tests.failures")


def test_each_error_is_told_whole_once_and_then_in_a_line_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    failures, step_s = FailureLog(log, "learning has failed"), REMIND_S / 4
    for number in range(9):
        failures.tell(ValueError("a bug"), number * step_s, pause_s=10.0)
    assert [record.getMessage() for record in caplog.records] == [
        "learning has failed; tried again in 10.0 s",
        "learning has failed 5 times now, with the same error (ValueError: a bug)",
        "learning has failed 9 times now, with the same error (ValueError: a bug)",
    ]
    assert [record.exc_info is not None for record in caplog.records] == [True, False, False]


@pytest.mark.parametrize("other", [ValueError("another bug"), TypeError("a bug")])
def test_another_error_is_told_whole_and_so_is_the_first_when_it_comes_back(
    caplog: pytest.LogCaptureFixture, other: Exception
) -> None:
    failures = FailureLog(log, "learning has failed")
    for error in (ValueError("a bug"), other, other, ValueError("a bug")):
        failures.tell(error, 0.0, pause_s=1.0)
    told = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert list(map(str, told)) == ["a bug", str(other), "a bug"]
    assert len(caplog.records) == 3


def test_after_it_went_well_the_same_error_is_told_whole_again(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailureLog(log, "learning has failed")
    failures.tell(ValueError("a bug"), 0.0, pause_s=1.0)
    failures.forget()
    failures.tell(ValueError("a bug"), 1.0, pause_s=1.0)
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
