from __future__ import annotations

import logging
from contextlib import ExitStack

import pytest

from serve_app.hosting import begun
from serve_app.startup import HostingError, StartError


class Host:
    """Comes up at its n-th try."""

    def __init__(self, n_failures: int, error: type[StartError] = HostingError) -> None:
        self.n_failures = n_failures
        self.error = error
        self.n_tries = 0

    def __call__(self) -> ExitStack:
        self.n_tries += 1
        if self.n_tries <= self.n_failures:
            story = f"a long story, told the {('first', 'second')[self.n_tries - 1]} time"
            raise HostingError(story, gist="a short one") if self.error is HostingError else self.error(story)
        return ExitStack()


@pytest.mark.parametrize(("n_failures", "told"), [(0, []), (1, ["a short one; trying once more"])])
def test_what_does_not_come_up_is_tried_once_more(
    n_failures: int, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    host = Host(n_failures)
    with caplog.at_level(logging.WARNING), begun(host, is_free=lambda: True):
        assert host.n_tries == n_failures + 1
    assert caplog.messages == told


def test_what_does_not_come_up_twice_is_told_at_length() -> None:
    host = Host(9)
    with pytest.raises(HostingError, match="the second time"):
        begun(host, is_free=lambda: True)
    assert host.n_tries == 2


@pytest.mark.parametrize(("error", "is_free"), [(HostingError, False), (StartError, True)])
def test_no_second_try_where_it_cannot_help(error: type[StartError], is_free: bool) -> None:
    host = Host(9, error)
    with pytest.raises(error, match="the first time"):
        begun(host, is_free=lambda: is_free)
    assert host.n_tries == 1
