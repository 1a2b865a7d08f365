"""What runs inside a learner's process: one thread that steps a learner for as long as it is wanted.

In: where the datastore is, and which lineage of which loop. Out: nothing but what the learner writes. Whatever goes
wrong, the learner is dropped and another one goes on from the last checkpoint, after a pause that grows with each
failure; only a fence ends it for good.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

import redis

from agent import progress
from agent.connection import connect
from agent.failures import FailureLog
from agent.fencing import Fenced
from agent.learner_loop import LearnerLoop
from agent.loop_store import LoopStore, StoredSettings

IDLE_S = 0.03
"""Pause after a step that found nothing more to do."""

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
STOP_S = 10.0

State = Literal["learning", "fenced", "stopped"]

_log = logging.getLogger(__name__)


class LearnerHost:
    """Keeps one learner going in a thread of its own."""

    def __init__(
        self, open_learner: Callable[[], LearnerLoop], *, complain: Callable[[str], None] = lambda sentence: None
    ) -> None:
        """Nothing runs before ``start``.

        Args:
            open_learner: Opens a learner that goes on from the last checkpoint.
            complain: Told, in a sentence, why learning has paused.
        """
        self._open = open_learner
        self._complain = complain
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="learner", daemon=True)
        self._fenced = False
        self._failures = FailureLog(_log, "learning has failed")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def state(self) -> State:
        """What it is doing."""
        if self._fenced:
            return "fenced"
        return "learning" if self._thread.is_alive() else "stopped"

    def stop(self) -> None:
        """End after the current step, with a checkpoint where one may be taken."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._learn()
            except Fenced as error:
                self._fenced = True
                _log.warning("%s", error)
                return
            except Exception as error:  # noqa: BLE001 - the process's last wall: logged, told, and begun anew
                if time.monotonic() - began > LONGEST_PAUSE_S:
                    pause_s = FIRST_PAUSE_S
                    self._failures.forget()
                self._pause(error, pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _learn(self) -> None:
        learner = self._open()
        try:
            while not self._stop.is_set():
                if not learner.step(time.monotonic()):
                    self._stop.wait(IDLE_S)
        except BaseException:
            learner.drop()
            raise
        learner.close(time.monotonic())

    def _pause(self, error: Exception, pause_s: float) -> None:
        self._failures.tell(error, time.monotonic(), pause_s=pause_s)
        if not isinstance(error, redis.RedisError):
            self._complain(f"Learning has failed and is tried again ({type(error).__name__}: {error}).")
        self._stop.wait(pause_s)


def host_learner(redis_url: str, loop: str, lineage: str) -> LearnerHost:
    """A host for the learner of one lineage, not started yet."""
    client = connect(redis_url)

    def complain(sentence: str) -> None:
        try:
            progress.add_trouble(client, loop, lineage, sentence)
        except redis.RedisError as error:
            _log.error("loop %s: could not report: %s", loop, error)

    return LearnerHost(lambda: LearnerLoop(client, loop, settings_of(client, loop, lineage)), complain=complain)


def settings_of(client: redis.Redis, loop: str, lineage: str) -> StoredSettings:
    """The newest settings that learn this lineage.

    Raises:
        LookupError: if none of the loop's settings did.
    """
    for stored in reversed(LoopStore(client).versions(loop)):
        if stored.settings.learning_hash == lineage:
            return stored
    raise LookupError(f"no settings of loop {loop} have the learning hash {lineage}")
