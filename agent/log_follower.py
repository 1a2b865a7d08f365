"""Follows one log with the join's two cursors and has every experience learned; reads, never writes.

In: a log by position. Out: a learner and a join that have moved on. Every read comes before anything moves, so a lost
connection leaves both as they were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from agent.join import WAIT, Join
from agent.learner import LoopLearner
from agent.lessons import FeatureRows
from agent.loops import LoopSettings
from agent.recipe import RewardRecipe
from agent.records import Decision, Ending, Entry, Experience, StreamId
from agent.starts import Start
from agent.user_rates import UserLedger

BATCH = 1000
"""Entries read at once."""

N_AHEAD = 4000
"""While the tail is no further behind the head than this, it takes over the head's entries instead of reading again."""

_LAST_SEQ = 2**64 - 1


class Log(Protocol):
    """What is asked of ``agent.event_log.LogReader``."""

    def read(self, after: StreamId, count: int) -> list[Entry]:
        """Up to ``count`` entries after a position; fewer only at the end."""
        ...

    def rows(self, addresses: Iterable[bytes]) -> Mapping[bytes, bytes]:
        """Content address → feature row; missing where not stored."""
        ...


class LogFollower:
    """One learner's way through one log.

    Attributes:
        join: Where it stands.
        learner: What it has learned.
    """

    def __init__(self, log: Log, join: Join, learner: LoopLearner, users: UserLedger | None = None) -> None:
        """Stand where the join stands.

        Args:
            log: The log.
            join: From its beginning or from a checkpoint's state.
            learner: As far as the join.
            users: Told what each lesson tells of its user; to be flushed by whoever owns it. None to tell nobody.
        """
        self.join = join
        self.learner = learner
        self._users = users
        self._log = log
        self._rows = FeatureRows(log.rows)
        self._ahead: deque[Entry] = deque()

    def remember(self, start: StreamId | None) -> None:
        """After going on from a state: reread decisions from here to the tail, to know late feedback as such."""
        after = None if start is None else _before(start)
        while after is not None and after < self.join.tail:
            entries = self._log.read(after, BATCH)
            for entry in entries:
                if entry.id <= self.join.tail:
                    self.join.remember(entry)
            after = entries[-1].id if entries else None

    def gather(self) -> int:
        """Move the head over the next batch; fewer than ``BATCH`` entries mean that it stands at the end."""
        known_to = self._ahead[-1].id if self._ahead else self.join.tail
        entries = self._log.read(self.join.head, BATCH)
        if known_to == self.join.head and len(self._ahead) < N_AHEAD:
            self._ahead.extend(entries)
        for entry in entries:
            self.join.gather(entry)
        return len(entries)

    def advance(self, until: StreamId | None = None) -> bool:
        """Move the tail over one entry and learn what comes of it.

        Args:
            until: Don't move beyond this position.

        Returns:
            False where it must wait.
        """
        entry = self._next()
        if entry is None or (until is not None and entry.id > until):
            return False
        if isinstance(entry.record, Decision):
            self._rows.load(entry.record)
        outcome = self.join.advance(entry)
        if outcome is WAIT:
            return False
        self._ahead.popleft()
        if isinstance(outcome, Experience):
            showings, user = self.learner.learn(outcome, self._rows), outcome.decision.user
            if self._users is not None and user is not None and showings:
                self._users.note(outcome.id, user, showings)
        elif isinstance(outcome, Ending):
            self.learner.end(outcome)
        return True

    def _next(self) -> Entry | None:
        if not self._ahead and self.join.tail < self.join.head:
            self._ahead.extend(self._log.read(self.join.tail, BATCH))
        return self._ahead[0] if self._ahead else None


def relearn(
    log: Log,
    settings: LoopSettings,
    until: StreamId | None = None,
    *,
    users: UserLedger | None = None,
    start: Start | None = None,
) -> LoopLearner:
    """What a learner knows that read this log from its beginning, undisturbed.

    Args:
        log: The log.
        settings: The lineage's settings.
        until: Last entry to take in, for example a checkpoint's tail; None for as far as windows have closed.
        users: Told of each lesson, and flushed.
        start: What the settings' ``policy.start`` names.
    """
    follower = LogFollower(log, Join(RewardRecipe(settings.reward)), LoopLearner(settings, start=start), users)
    at_end = False
    while not at_end:
        at_end = follower.gather() < BATCH
        while follower.advance(until):
            pass
        if users is not None:
            users.flush()
    return follower.learner


def _before(id: StreamId) -> StreamId:
    return StreamId(id.ms, id.seq - 1) if id.seq else StreamId(id.ms - 1, _LAST_SEQ)
