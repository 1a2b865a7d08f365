from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from simulator.stopping import STOPPING, answered


@pytest.fixture(autouse=True)
def _in_the_foreground() -> Iterator[None]:
    """A shell starts what runs in the background with Ctrl-C ignored, and the tests may run there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_answered_before_anything_is_wound_up() -> None:
    events = list[str]()

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            events.append("wound up")

    with pytest.raises(KeyboardInterrupt), answered(events.append):
        work()
    assert events == [STOPPING, "wound up"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_console_that_was_writing_is_no_reason_to_go_on() -> None:
    def busy(_: str) -> None:
        raise RuntimeError("reentrant call")

    with pytest.raises(KeyboardInterrupt), answered(busy):
        os.kill(os.getpid(), signal.SIGINT)


def test_somebody_elses_handler_stays() -> None:
    heard, told = list[int](), list[str]()
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        with answered(told.append):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (heard, told) == ([signal.SIGINT], [])


def test_a_thread_that_may_not_set_handlers_goes_without() -> None:
    done = list[str]()

    def work() -> None:
        with answered(done.append):
            done.append("worked")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["worked"]
