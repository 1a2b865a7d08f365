"""When the next simulated request may go: never faster than a rate, never further ahead than the service has learned.

In: a clock, a way to sleep, the service's own count of what its served snapshot has learned. Out: a pause, or none. And
when the first one may: once a loop that begins with a trained agent serves it.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.service import Service

POLL_S = 0.05
PATIENCE_S = 180.0

SERVED_S = 120.0
"""A loop's learner has to come up, and PyTorch with it, before the agent that the loop begins with is served."""


class StalledError(RuntimeError):
    """The service learned nothing for too long while it was waited for."""


class LagGate:
    """Waits while the service is more than ``max_lag`` experiences behind.

    Behind means: requests sent, minus experiences learned in the *served* snapshot since this gate was made (those that
    can never be learned, refused ones for example, are not waited for). The count is asked for only when the last one
    known would not let the next request through, so the lag is an upper bound in between.

    Args:
        clock: Monotonic seconds.
        patience_s: So long without any progress raises ``StalledError``.
    """

    def __init__(
        self,
        service: Service,
        loop: str,
        *,
        max_lag: int,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._service, self._loop = service, loop
        self._clock, self._sleep = clock, sleep
        self.max_lag = max_lag
        self.patience_s = patience_s
        self.n_sent = 0
        self.waited_s = 0.0
        self.version = ""
        self._done = self.n_at_start = self._n_done()

    @property
    def lag(self) -> int:
        """Requests sent that the served snapshot had not learned when last asked."""
        return max(0, self.n_sent - (self._done - self.n_at_start))

    def refresh(self) -> int:
        """Ask the service, and answer the lag."""
        self._done = self._n_done()
        return self.lag

    def admit(self) -> None:
        """Return once one more request may be sent, and count it as sent.

        Raises:
            StalledError: with the service's own reasons.
        """
        if self.lag > self.max_lag:
            self.wait_below(self.max_lag)
        self.n_sent += 1

    def wait_below(self, lag: int) -> None:
        """Return once the service is at most ``lag`` experiences behind.

        Raises:
            StalledError: with the service's own reasons.
        """
        began_at = moved_at = self._clock()
        best = self.lag
        while self.refresh() > lag:
            now = self._clock()
            if self.lag < best:
                best, moved_at = self.lag, now
            if now - moved_at > self.patience_s:
                raise StalledError(self._reasons(now - moved_at))
            self._sleep(POLL_S)
        self.waited_s += self._clock() - began_at

    def _n_done(self) -> int:
        report = self._service.status(self._loop)
        lost = report.experiences.refused + report.experiences.inactive + report.experiences.clock_jump
        if report.serving is None:
            return lost
        self.version = report.serving.version
        return report.serving.n_learned + lost

    def _reasons(self, seconds: float) -> str:
        why = "; ".join(self._service.status(self._loop).why) or "it gives no reason"
        return f"loop {self._loop} learned nothing for {seconds:.0f} s and is {self.lag} experiences behind: {why}"


def wait_until_served(
    service: Service,
    loop: str,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    patience_s: float = SERVED_S,
) -> float:
    """Return once the loop serves a snapshot, with how long that took, in seconds; its baseline serves until then.

    Args:
        service: Where.
        loop: One that begins with a trained agent: others serve nothing before they have learned.
        clock: Monotonic seconds.
        sleep: How to wait.
        patience_s: So long without a snapshot raises ``StalledError``.

    Raises:
        StalledError: with the service's own reasons, and what to do.
    """
    began_at = clock()
    while (report := service.status(loop)).serving is None:
        if clock() - began_at > patience_s:
            why = " ".join(report.why) or "It gives no reason."
            raise StalledError(
                f"loop {loop} does not serve the agent that it begins with after {patience_s:.0f} s, so users would "
                f"not meet it. The service says: {why} Look at the log of `slateloop serve`, then run the same command "
                "again: it goes on with what is missing"
            )
        sleep(POLL_S)
    return clock() - began_at


class Pacer:
    """Lets one request through every 1/rate seconds, without making up for lost time.

    Args:
        rate: Requests per second; 0 for as fast as it goes.
        clock: Monotonic seconds.
    """

    def __init__(self, rate: float, *, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._gap_s = 1.0 / rate if rate > 0 else 0.0
        self._clock, self._sleep = clock, sleep
        self._next_at = clock()

    def wait(self) -> None:
        """Return when the next request is due."""
        now = self._clock()
        if now < self._next_at:
            self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._gap_s
