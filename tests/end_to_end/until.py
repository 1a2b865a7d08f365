"""Waiting for something that other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], *, within_s: float) -> None:
    """Return once the condition holds.

    Raises:
        TimeoutError: if it didn't in time.
    """
    ends_at = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"not within {within_s:g} s")
        time.sleep(0.05)
