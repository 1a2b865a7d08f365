"""Ctrl-C answered at once: a word that it was heard, before what is under way is wound up, which may take a while.

In: what to say. Out: the same ``KeyboardInterrupt`` as ever, after it was said.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STOPPING = "stopping: what is finished is kept …"


@contextmanager
def answered(say: Callable[[str], object]) -> Iterator[None]:
    """Meanwhile the first Ctrl-C says so; a handler of somebody else's stays as it is.

    Args:
        say: Prints a line.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with suppress(RuntimeError):  # this very line of the console was being written
            say(STOPPING)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
