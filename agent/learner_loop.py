"""A learner at work: reads its log, learns, keeps checkpoints, publishes snapshots, reports.

In: one lineage of a loop, from its newest checkpoint on. Out: ``step`` after ``step``; all that happens, happens there,
at a time that is passed in. It can be dropped at any moment: the next one opened goes on from the last checkpoint and
learns, counts and publishes the same. After any error of the datastore it must be dropped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import redis

from agent import progress
from agent.cadence import Cadence
from agent.checkpoint import Checkpoint, CheckpointStore
from agent.event_log import LogReader, append
from agent.fencing import claim
from agent.join import Join, JoinState
from agent.lately import Lately
from agent.learner import N_RECENT, LoopLearner
from agent.log_follower import BATCH, LogFollower
from agent.loop_store import LoopStore, StoredSettings
from agent.recipe import RewardRecipe
from agent.records import Tick
from agent.server_clock import ServerClock
from agent.snapshot_check import fault
from agent.snapshots import LoopSnapshot, SnapshotError, SnapshotStore, in_order, is_in_order
from agent.starts import StartStore, encoder_of
from agent.unmet import Sight
from agent.user_rates import RedisUsers, UserLedger, keep_s
from policies.base import PolicyError

CHECKPOINT_EVERY_S = 2.0
REPORT_EVERY_S = 0.5
TICK_EVERY_S = 0.2
CLOCK_ALARM_S = 5.0

PAST_S = 3600.0
"""For so long the report tells of a checkpoint that could not be used, once there is a newer one."""

HELD_BACK = (
    "The application's order is served: the latest lessons before this learner began had nothing of what the agent was "
    "trained with; send it, or train the agent anew with what your requests have."
)
"""What a learner tells of a version that an earlier one has served in the agent's place, until it has lessons."""

_log = logging.getLogger(__name__)


class LogLost(RuntimeError):  # noqa: N818 - says what happened
    """The log ends before what was read from it: the server lost its newest entries. Open the learner anew."""


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


def _elapsed_ms() -> int:
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


class LearnerLoop:
    """One learner of one lineage; for one thread."""

    def __init__(
        self,
        client: redis.Redis,
        loop: str,
        stored: StoredSettings,
        *,
        elapsed_ms: Callable[[], int] = _elapsed_ms,
    ) -> None:
        """Claim the lineage and go on from its newest valid checkpoint, or begin at the log's beginning.

        Args:
            client: From ``connect``.
            loop: Name of the loop.
            stored: Settings whose learning hash is the lineage.
            elapsed_ms: This machine's monotonic clock, to date ticks with.

        Raises:
            StartError: if what the settings begin with isn't kept.
            PolicyError: if it can't be begun with.
        """
        self._client, self._loop = client, loop
        self._settings, self._settings_version = stored.settings, stored.version
        self._lineage = stored.settings.learning_hash
        self._log = LogReader(client, loop)
        self._fence = claim(client, loop, self._lineage)
        self._checkpoints = CheckpointStore(client, self._fence)
        self._snapshots = SnapshotStore(client, loop)
        self._why: dict[str, str] = {}
        self._befell: tuple[str, int] | None = None
        self._user_store = RedisUsers(client, self._fence, keep_s=keep_s(stored.settings))
        self._users = UserLedger(self._user_store)
        self._start = StartStore(client, loop).named_by(stored.settings)
        self._sight = None if self._start is None else Sight(encoder_of(self._start))
        self._follower = self._resumed()
        self._opened_at = self._saved_at = self._follower.join.tail
        at_ms, n_orphans = self._opened_at.ms, self._follower.join.n_orphans
        self._orphans, self._lessons = Lately(at_ms, n_orphans), Lately(at_ms, self._follower.learner.n_learned)
        self._clock = ServerClock(self._log.server_ms(), elapsed_ms)
        self._published, self._n_published, self._n_unpublished = self._last_published()
        self._takes_over = self._is_to_take_over()
        self._checkpoint_due, self._report_due = Cadence(CHECKPOINT_EVERY_S), Cadence(REPORT_EVERY_S)
        self._publish_due, self._tick_due = Cadence(stored.settings.publish_every_s), Cadence(TICK_EVERY_S)

    @property
    def follower(self) -> LogFollower:
        """Where it stands and what it has learned."""
        return self._follower

    def step(self, now: float) -> bool:
        """Read on, learn at most one batch, and do what is due.

        Args:
            now: Seconds of any monotonic clock.

        Returns:
            Whether there is more to do at once.

        Raises:
            Fenced: if another learner has taken over; this one must stop.
            LogLost: if the server lost entries; this one must be dropped.
            redis.RedisError: if the datastore is away; this one must be dropped.
        """
        at_end = self._follower.gather() < BATCH
        n_advanced = self._advance(now)
        self._users.flush()
        self._save_if_due(now)
        if self._publish_due.is_due(now) or (self._takes_over and self._report_due.is_due(now)):
            self._publish(now)
        if at_end and self._tick_due.is_due(now):
            self._tick(now)
        if self._report_due.is_due(now):
            self._report(now)
        return not at_end or n_advanced == BATCH

    def close(self, now: float) -> None:
        """Take a last checkpoint if one may be taken, report, and free the learner."""
        try:
            if self._follower.learner.n_until_settled == 0:
                self._save(now)
            self._report(now)
        finally:
            self.drop()

    def drop(self) -> None:
        """Free the learner without a word to the datastore."""
        self._follower.learner.close()

    def _resumed(self) -> LogFollower:
        checkpoint, problems = self._checkpoints.load()
        recipe = RewardRecipe(self._settings.reward)
        if checkpoint is None:
            begun = self._begun(recipe)
            if problems:
                others = f", nor any of {len(problems) - 1} older ones" if len(problems) > 1 else ""
                self._complain(f"No checkpoint could be read ({problems[0]}{others}); {self._beginning()}.")
            return begun
        for problem in problems:
            self._complain(f"A checkpoint was unreadable ({problem}); learning went on from an older one.")
        try:
            learner = LoopLearner(self._settings, checkpoint.learner, start=self._start)
        except (PolicyError, msgspec.MsgspecError) as error:
            # Made by other versions of ours or of the engine's; the log has everything still. Where learning can't
            # begin either, the checkpoint isn't what is wrong, and stays the one to go on from.
            begun = self._begun(recipe)
            self._complain(f"The checkpoint can't be used ({error}); {self._beginning()}.")
            return begun
        follower = LogFollower(self._log, Join(recipe, self._counted(checkpoint.join)), learner, self._users)
        follower.remember(checkpoint.join.reread_from)
        return follower

    def _beginning(self) -> str:
        """What becomes of learning then; what was deleted of the log is not learned again."""
        n_deleted = self._log.n_deleted()
        lost = f", without the {n_deleted:,} entries that were deleted" if n_deleted else ""
        return f"learning began again from the log's beginning{lost}"

    def _begun(self, recipe: RewardRecipe) -> LogFollower:
        learner = LoopLearner(self._settings, start=self._start)
        return LogFollower(self._log, Join(recipe, self._counted(JoinState())), learner, self._users)

    def _counted(self, state: JoinState) -> JoinState:
        """A state with the entries that were deleted before it could pass them; none where it was kept up to date."""
        return msgspec.structs.replace(state, n_entries=max(state.n_entries, self._log.n_deleted()))

    def _complain(self, sentence: str) -> None:
        _log.error("loop %s: %s", self._loop, sentence)
        self._why["checkpoint"] = sentence
        self._befell = sentence, self._log.server_ms()

    def _last_published(self) -> tuple[str, int, int]:
        """Version, what it had learned, and 0; a start is worth publishing before anything is learned."""
        newest = self._snapshots.newest(self._lineage)
        if newest is None or self._is_obsolete(newest.version):
            return "", -1 if self._start else 0, 0
        serving = self._snapshots.serving()
        if serving and serving.lineage == self._lineage and is_in_order(serving.version) and not serving.pinned:
            self._why["snapshot"] = HELD_BACK
            return serving.version, newest.n_learned, 0
        return newest.version, newest.n_learned, 0

    def _is_obsolete(self, version: str) -> bool:
        """Whether this release can't serve a version: whatever it learns is then better than nothing."""
        try:
            problem = fault(self._snapshots.load(version), ())
        except SnapshotError as error:
            problem = str(error)
        if problem is not None:
            self._why["snapshot"] = f"The newest snapshot can't be served ({problem}); the next one replaces it."
            _log.error("loop %s: snapshot %s can't be served; the next one replaces it", self._loop, problem)
        return problem is not None

    def _is_to_take_over(self) -> bool:
        """Whether another lineage is served: each report then comes with a snapshot of what it tells of."""
        serving = self._snapshots.serving()
        return serving is not None and serving.lineage != self._lineage

    def _advance(self, now: float) -> int:
        for n_advanced in range(BATCH):
            if not self._follower.advance():
                return n_advanced
            self._mark()
            self._save_if_due(now)
        return BATCH

    def _mark(self) -> None:
        join = self._follower.join
        self._orphans.mark(join.tail.ms, join.n_orphans)
        self._lessons.mark(join.tail.ms, self._follower.learner.n_learned)

    def _save_if_due(self, now: float) -> None:
        if self._follower.learner.n_until_settled == 0 and self._checkpoint_due.is_due(now):
            self._save(now)

    def _save(self, now: float) -> None:
        """Users' rows first: none may be behind the checkpoint that learning goes on from."""
        join, learner = self._follower.join, self._follower.learner
        if join.tail == self._saved_at:
            return
        self._users.flush()
        state = Checkpoint(self._lineage, self._fence.epoch, learner.n_learned, join.state(), learner.state())
        self._checkpoints.save(state)
        self._why.pop("checkpoint", None)
        self._saved_at = join.tail
        self._checkpoint_due.done(now)

    def _publish(self, now: float) -> None:
        learner = self._follower.learner
        if learner.n_learned <= self._n_published or (self._sight and learner.n_learned and not learner.recent):
            return  # of an agent that goes on from a checkpoint, the next lesson tells whether it sees anything
        snapshot = learner.snapshot(self._follower.join.tail)
        blind = self._blindness()
        problem = blind or fault(snapshot, learner.recent)
        if problem is None:
            self._snapshots.publish(snapshot, self._fence)
            self._published = snapshot.version
            self._why.pop("snapshot", None)
        else:
            self._n_unpublished += 1
            instead = "; the application's order is served instead" if blind and self._held_back(snapshot) else ""
            self._why["snapshot"] = f"The newest snapshot failed its check and is not served ({problem}){instead}."
            _log.error("loop %s: snapshot %s%s", self._loop, problem, instead or "; the last good one stays")
        self._n_published = learner.n_learned
        self._publish_due.done(now)

    def _blindness(self) -> str | None:
        """What keeps an agent from being served that was trained on nothing of what the latest lessons have."""
        latest = [(lesson.context, lesson.actions) for lesson in self._follower.learner.recent]
        if self._sight is None or not latest or not self._sight.sees_nothing_of(latest):
            return None
        names = self._sight.told(self._sight.trained_on)
        return (
            f"the agent was trained with {names}, and the latest {len(latest)} lessons have nothing of it; "
            "send it, or train the agent anew with what your requests have"
        )

    def _held_back(self, snapshot: LoopSnapshot) -> bool:
        """Serve the order of the actions in the agent's place, which sees as little; whether that is what is served."""
        serving = self._snapshots.serving()
        if serving is None:
            return True
        if serving.lineage != self._lineage:
            return False
        is_held = is_in_order(serving.version)
        if serving.pinned or not (is_held or len(self._follower.learner.recent) == N_RECENT):
            return is_held  # few lessons show little
        ordered = in_order(snapshot)  # again and again, with the rates as they are now
        self._published = ordered.version
        return self._snapshots.publish(ordered, self._fence)

    def _tick(self, now: float) -> None:
        """Move stream time on where nothing else would close the next decision's window."""
        join = self._follower.join
        if join.open_until_ms is None or join.head.ms > join.open_until_ms:
            return
        server_ms = self._log.server_ms()
        if server_ms > join.open_until_ms:
            append(self._client, self._loop, Tick(self._clock.now_ms()))
            self._clock.accept(server_ms)
            self._tick_due.done(now)

    def _report(self, now: float) -> None:
        self._fence.check(self._client)
        self._adopt_settings()
        self._takes_over = self._is_to_take_over()
        newest, server_ms = self._log.last_id(), self._log.server_ms()
        read_to = self._follower.join.head
        if self._opened_at < read_to and newest < read_to:
            raise LogLost(f"loop {self._loop}: the log ends at {newest}; it had been read to {read_to}")
        self._clock.read(server_ms)
        progress.write(self._client, self._progress(server_ms, (newest.ms - server_ms) / 1000))
        self._report_due.done(now)

    def _adopt_settings(self) -> None:
        """How often to publish, and how long to keep users' rows, may change within a lineage."""
        current = LoopStore(self._client).current(self._loop)
        if current is not None:
            self._settings_version = current.version
            if current.settings.learning_hash == self._lineage:
                self._publish_due.every_s = current.settings.publish_every_s
                self._user_store.keep_s = keep_s(current.settings)

    def _progress(self, server_ms: int, clock_ahead_s: float) -> progress.Progress:
        join, learner = self._follower.join, self._follower.learner
        counters = join.state().counters
        refused = {**counters.refused, **learner.refused}
        n_unread = max(0, self._log.n_written() - join.n_gathered)
        n_open = join.n_open
        now_ms = server_ms if join.open_until_ms is None else join.tail.ms  # behind a decision the tail's own time
        return progress.Progress(
            loop=self._loop,
            lineage=self._lineage,
            reported_at=server_ms,
            epoch=self._fence.epoch,
            settings_version=self._settings_version,
            tail=str(join.tail),
            n_learned=learner.n_learned,
            n_refused=sum(refused.values()),
            refused=refused,
            counters=counters,
            n_orphans_lately=self._orphans.grown(now_ms),
            n_learned_lately=self._lessons.grown(now_ms),
            variants=learner.variants,
            apprentice=learner.apprentice,
            troubles=dict(learner.troubles()),
            backlog=learner.backlog(),
            n_behind=join.n_ahead - n_open + n_unread,
            n_open=n_open,
            lag_s=_lag_s(join, server_ms, n_unread),
            published=self._published,
            n_unpublished=self._n_unpublished,
            clock_ahead_s=max(0.0, clock_ahead_s),
            why=(*self._why.values(), *_clock_alarm(clock_ahead_s), *self._past(server_ms)),
        )

    def _past(self, server_ms: int) -> tuple[str, ...]:
        """What befell checkpoints, for a while after there is a newer one; until then it is told as it is."""
        if self._befell is None or "checkpoint" in self._why:
            return ()
        sentence, at_ms = self._befell
        at = datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
        is_recent = server_ms - at_ms <= 1000 * PAST_S
        return (f"Past, at {at} UTC, and a newer checkpoint is saved since: {sentence}",) if is_recent else ()


def _lag_s(join: Join, server_ms: int, n_unread: int) -> float:
    due_at = [join.open_until_ms] if join.open_until_ms is not None else []
    due_at += [join.head.ms] if n_unread else []
    return max(0.0, (server_ms - min(due_at)) / 1000) if due_at else 0.0


def _clock_alarm(clock_ahead_s: float) -> tuple[str, ...]:
    if clock_ahead_s <= CLOCK_ALARM_S:
        return ()
    return (
        f"The server's clock was set back by {clock_ahead_s:.0f} s; reward windows close again once it has caught up.",
    )
