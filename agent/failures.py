"""Failures of what is tried again and again, as the log tells them: each one whole once, then in a line now and then.

In: errors, and when they came. Out: log records.
"""

from __future__ import annotations

import logging

REMIND_S = 60.0
"""While nothing changes, a line this often."""


class FailureLog:
    """Tells of one thing that is tried again after each failure.

    Args:
        logger: Where to tell it.
        what: What has failed, as a sentence begins.
    """

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._log, self._what = logger, what
        self._last = ""
        self._n = 0
        self._told_at = 0.0

    def tell(self, error: Exception, now: float, *, pause_s: float) -> None:
        """Another failure.

        Args:
            error: Told with its traceback if the last one was another.
            now: Seconds of any monotonic clock.
            pause_s: Until the next attempt.
        """
        name = f"{type(error).__name__}: {error}"
        self._n += 1
        if name != self._last:
            self._last, self._n, self._told_at = name, 1, now
            self._log.error("%s; tried again in %.1f s", self._what, pause_s, exc_info=error)
        elif now - self._told_at >= REMIND_S:
            self._told_at = now
            self._log.error("%s %d times now, with the same error (%s)", self._what, self._n, name)

    def forget(self) -> None:
        """It went well for a while; the next failure is told whole."""
        self._last = ""
