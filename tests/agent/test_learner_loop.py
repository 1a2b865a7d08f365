from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import redis

from agent import keys, learner_loop, log_follower, progress
from agent.checkpoint import Checkpoint, CheckpointStore
from agent.event_log import FIELD, LogReader
from agent.fencing import Fence, Fenced, claim
from agent.join import Join
from agent.learner import LoopLearner
from agent.learner_loop import LearnerLoop, LogLost
from agent.log_follower import LogFollower, relearn
from agent.loops import LoopSettings
from agent.recipe import RewardRecipe
from agent.records import ZERO, Decision, StreamId, Tick
from agent.snapshots import SnapshotStore
from tests.agent import traffic
from tests.agent.traffic import LOOP, START_MS, WINDOW_MS, Written, apply, settings

EXPLORERS = ["epsilon", "bag"]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner's life then has many steps, and crashes fall into the middle of it."""
    monkeypatch.setattr(log_follower, "BATCH", 40)
    monkeypatch.setattr(learner_loop, "BATCH", 40)


def fill(client: redis.Redis, written: Iterable[Written]) -> None:
    traffic.store_rows(client)
    for each in written:
        traffic.write(client, each)


def closed_log(client: redis.Redis, n_decisions: int = 200, *, start_ms: int = START_MS) -> None:
    """Traffic whose windows have all closed."""
    fill(client, traffic.traffic(3, n_decisions, start_ms=start_ms))
    end_ms = start_ms + 10_000_000
    traffic.write(client, Written(end_ms, Tick(end_ms)))


def later(client: redis.Redis) -> int:
    """A stream time at which entries can still be written after others, and at which no learner ticks."""
    return server_now(client) + 3_600_000


def server_now(client: redis.Redis) -> int:
    return LogReader(client, LOOP).server_ms()


class Life:
    """Time for one learner after another: each step three seconds after the last."""

    def __init__(self) -> None:
        self.now = 0.0

    def step(self, learner: LearnerLoop) -> bool:
        self.now += 3.0
        return learner.step(self.now)

    def run(self, learner: LearnerLoop) -> LearnerLoop:
        while self.step(learner):
            pass
        return learner


def opened(client: redis.Redis, wanted: LoopSettings) -> LearnerLoop:
    return LearnerLoop(client, LOOP, apply(client, wanted))


def undisturbed(client: redis.Redis, wanted: LoopSettings) -> LogFollower:
    follower = LogFollower(LogReader(client, LOOP), Join(RewardRecipe(wanted.reward)), LoopLearner(wanted))
    while follower.gather():
        pass
    while follower.advance():
        pass
    return follower


def outcome(follower: LogFollower) -> tuple[object, ...]:
    """Everything that learning has come to; the snapshot holds the engine's bytes as they are now."""
    join, learner = follower.join, follower.learner
    return join.state(), learner.n_learned, learner.refused, learner.variants, learner.snapshot(join.tail)


def newest_checkpoint(client: redis.Redis, wanted: LoopSettings) -> Checkpoint:
    checkpoint = CheckpointStore(client, Fence(LOOP, wanted.learning_hash, 0)).load().checkpoint
    assert checkpoint is not None
    return checkpoint


def report(client: redis.Redis, wanted: LoopSettings) -> progress.Progress:
    found = progress.read(client, LOOP, wanted.learning_hash)
    assert found is not None
    return found


# Exactly once, whatever is killed


@pytest.mark.parametrize("explorer", EXPLORERS)
@pytest.mark.parametrize("seed", range(4))
def test_a_learner_killed_at_random_ends_where_an_undisturbed_one_does(
    redis_client: redis.Redis, explorer: str, seed: int
) -> None:
    wanted, dice, life = settings(explorer=explorer), random.Random(seed), Life()
    closed_log(redis_client)
    more, n_lives = True, 0
    while more:
        learner, n_lives = opened(redis_client, wanted), n_lives + 1
        for _ in range(dice.randrange(1, 7)):
            more = life.step(learner)
            if not more:
                break
    assert n_lives > 2
    expected = undisturbed(redis_client, wanted)
    assert outcome(learner.follower) == outcome(expected)
    checkpoint = newest_checkpoint(redis_client, wanted)
    again = relearn(LogReader(redis_client, LOOP), wanted, checkpoint.join.tail)
    assert checkpoint.learner == again.state()
    assert again.n_learned == checkpoint.n_learned > 150


class Failing(redis.Redis):
    """Loses its connection at some commands, before or after the server has done them."""

    dice = random.Random(0)
    n_failed = 0

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        return self._failing(lambda: super(Failing, self).execute_command(*arguments, **options))  # type: ignore[no-untyped-call]  # redis-py

    def transaction(self, *arguments: Any, **options: Any) -> Any:
        return self._failing(lambda: super(Failing, self).transaction(*arguments, **options))

    def _failing(self, command: Any) -> Any:
        before, after = self.dice.random() < 0.02, self.dice.random() < 0.02
        self.n_failed += before or after
        if before:
            raise redis.ConnectionError("before")
        answer = command()
        if after:
            raise redis.ConnectionError("after")
        return answer


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_connections_lost_at_any_command_change_nothing(redis_client: redis.Redis, explorer: str) -> None:
    wanted, life = settings(explorer=explorer), Life()
    closed_log(redis_client)
    stored = apply(redis_client, wanted)
    client = Failing(connection_pool=redis_client.connection_pool)
    client.dice = random.Random(11)
    learner, more = None, True
    while more:
        try:
            learner = learner or LearnerLoop(client, LOOP, stored)
            more = life.step(learner)
        except redis.ConnectionError:
            learner = None
    assert client.n_failed > 5
    assert learner is not None
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted))


def test_every_decision_that_was_not_deferred_is_learned_once(redis_client: redis.Redis) -> None:
    wanted = settings()
    closed_log(redis_client)
    learner = Life().run(opened(redis_client, wanted))
    entries = LogReader(redis_client, LOOP).read(ZERO, 100_000)
    decisions = [entry.record for entry in entries if isinstance(entry.record, Decision)]
    n_inactive = learner.follower.join.state().counters.inactive
    assert 0 < n_inactive < sum(decision.deferred for decision in decisions)
    assert learner.follower.learner.n_learned == len(decisions) - n_inactive


PROCESS = """
import sys, time
from agent.learner_host import host_learner
host = host_learner(*sys.argv[1:])
host.start()
while host.state() == "learning":
    time.sleep(0.1)
"""


@pytest.mark.slow
def test_a_process_killed_twice_while_entries_arrive_learns_the_same(redis_url: str, redis_client: redis.Redis) -> None:
    wanted = settings(explorer="bag")
    apply(redis_client, wanted)
    written = list(traffic.traffic(5, 600, start_ms=later(redis_client)))
    third = len(written) // 3
    for part in (written[:third], written[third : 2 * third], written[2 * third :]):
        process = learner_process(redis_url, wanted)
        try:
            fill(redis_client, part)
            wait_for_learning(redis_client, wanted, beyond=written.index(part[-1]) // 4)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    end_ms = written[-1].ms + WINDOW_MS + 1
    traffic.write(redis_client, Written(end_ms, Tick(end_ms)))
    learner = Life().run(opened(redis_client, wanted))
    assert learner.follower.join.state().n_entries == LogReader(redis_client, LOOP).n_entries()
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted))


def learner_process(redis_url: str, wanted: LoopSettings) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROCESS, redis_url, LOOP, wanted.learning_hash])


def wait_for_learning(client: redis.Redis, wanted: LoopSettings, *, beyond: int) -> None:
    while True:
        found = progress.read(client, LOOP, wanted.learning_hash)
        if found is not None and found.n_learned > beyond:
            return
        time.sleep(0.02)


# Fences, checkpoints, lost entries


def test_a_learner_that_was_replaced_is_fenced(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    stale = opened(redis_client, wanted)
    life.step(stale)
    current = opened(redis_client, wanted)
    with pytest.raises(Fenced):
        life.run(stale)
    life.run(current)
    assert outcome(current.follower) == outcome(undisturbed(redis_client, wanted))


def test_a_broken_newest_checkpoint_costs_nothing_but_time(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    life.run(opened(redis_client, wanted))
    lineage = wanted.learning_hash
    numbers: Any = redis_client.zrevrange(keys.checkpoints(LOOP, lineage), 0, 0)
    redis_client.set(keys.checkpoint(LOOP, lineage, int(numbers[0])), b"SLCP1torn")
    learner = life.run(opened(redis_client, wanted))
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted))
    assert "unreadable" in report(redis_client, wanted).why[0]


def test_a_state_of_another_engine_means_beginning_again_and_saying_so(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    lineage = wanted.learning_hash
    state = LoopLearner(settings("uniform")).state()
    alien = Checkpoint(lineage, 1, 5, Join(RewardRecipe(wanted.reward)).state(), state)
    CheckpointStore(redis_client, claim(redis_client, LOOP, lineage)).save(alien)
    learner = life.run(opened(redis_client, wanted))
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted))
    assert "began again" in report(redis_client, wanted).why[0]


def test_a_log_that_lost_its_newest_entries_is_noticed(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    learner = life.run(opened(redis_client, wanted))
    redis_client.xdel(keys.log(LOOP), str(LogReader(redis_client, LOOP).last_id()))
    with pytest.raises(LogLost):
        life.step(learner)


# What it writes besides


def test_poisoned_entries_and_missing_rows_are_counted_and_passed(redis_client: redis.Redis) -> None:
    wanted = settings()
    log = keys.log(LOOP)
    traffic.store_rows(redis_client)
    dice = random.Random(1)
    good = traffic.a_decision(dice, "good", START_MS, deferred=False)
    gone = msgspec.structs.replace(
        traffic.a_decision(dice, "gone", START_MS, deferred=False), feature_keys=b"?" * 12 * len(good.action_ids)
    )
    redis_client.xadd(log, {FIELD: b"\xc1 not a record"}, id=f"{START_MS}-*")
    traffic.write(redis_client, Written(START_MS, gone))
    redis_client.xadd(log, {b"stranger": b"1"}, id=f"{START_MS}-*")
    traffic.write(redis_client, Written(START_MS, good))
    traffic.write(redis_client, Written(START_MS + WINDOW_MS + 1, Tick(START_MS + WINDOW_MS + 1)))
    learner = Life().run(opened(redis_client, wanted))
    assert learner.follower.learner.n_learned == 1
    assert report(redis_client, wanted).refused == {
        "entry that can't be read": 2,
        "features: a row is missing or unreadable": 1,
    }
    assert report(redis_client, wanted).n_refused == 3


def test_it_publishes_what_it_learned_once(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    learner = opened(redis_client, wanted)
    life.run(learner)
    store = SnapshotStore(redis_client, LOOP)
    assert store.kept() == []
    closed_log(redis_client, start_ms=later(redis_client))
    life.now += 3600
    life.run(learner)
    serving = store.serving()
    assert serving is not None
    assert store.load(serving.version).n_learned == serving.n_learned > 0
    life.now += 3600
    life.run(learner)
    newest = store.serving()
    assert newest is not None
    assert newest.n_learned == learner.follower.learner.n_learned
    n_kept = len(store.kept())
    for _ in range(3):
        life.now += 3600
        life.run(learner)
    assert len(store.kept()) == n_kept
    assert report(redis_client, wanted).published == newest.version


def test_a_restarted_learner_does_not_publish_an_older_model(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    learner = life.run(opened(redis_client, wanted))
    life.now += 3600
    life.run(learner)
    before = SnapshotStore(redis_client, LOOP).serving()
    assert before is not None
    assert before.n_learned > newest_checkpoint(redis_client, wanted).n_learned
    again = opened(redis_client, wanted)
    life.now += 3600
    life.run(again)
    assert SnapshotStore(redis_client, LOOP).serving() == before


def test_a_snapshot_that_fails_its_check_is_reported_and_the_last_good_one_stays(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, life = settings(), Life()
    start_ms = later(redis_client)
    learner = opened(redis_client, wanted)
    fill(redis_client, traffic.traffic(3, 60, start_ms=start_ms))
    life.run(learner)
    life.now += 3600
    life.run(learner)
    good = SnapshotStore(redis_client, LOOP).serving()
    monkeypatch.setattr(learner_loop, "fault", lambda snapshot, lessons: f"{snapshot.version}: sums to 0.7")
    fill(redis_client, traffic.traffic(4, 60, start_ms=start_ms + 100_000))
    life.now += 3600
    life.run(learner)
    assert good is not None
    assert SnapshotStore(redis_client, LOOP).serving() == good
    said = report(redis_client, wanted)
    assert said.n_unpublished >= 1
    assert "sums to 0.7" in said.why[0]
    monkeypatch.undo()
    fill(redis_client, traffic.traffic(6, 60, start_ms=start_ms + 200_000))
    life.now += 3600
    life.run(learner)
    assert SnapshotStore(redis_client, LOOP).serving() != good
    assert "sums to 0.7" not in "".join(report(redis_client, wanted).why)


def test_it_ticks_when_nothing_else_would_close_a_window(redis_client: redis.Redis) -> None:
    wanted, life = settings("uniform"), Life()
    traffic.store_rows(redis_client)
    learner = opened(redis_client, wanted)
    log = LogReader(redis_client, LOOP)
    served_at = server_now(redis_client)
    served = traffic.a_decision(random.Random(1), "e", served_at, deferred=False)
    traffic.write(redis_client, Written(served_at, served))
    life.step(learner)
    assert isinstance(log.read(ZERO, 9)[-1].record, Decision)
    while learner.follower.learner.n_learned == 0:
        life.step(learner)
        time.sleep(0.02)
    tick = log.read(ZERO, 9)[-1]
    assert isinstance(tick.record, Tick)
    assert served_at + WINDOW_MS < tick.id.ms
    assert abs(tick.id.ms - tick.record.clock_ms) < 1000
    n_entries = log.n_entries()
    for _ in range(3):
        life.step(learner)
    assert log.n_entries() == n_entries


def test_a_tick_shows_that_the_servers_clock_has_jumped(redis_client: redis.Redis) -> None:
    """This machine's clock says that a second has passed while the server's says ten: silence means nothing."""
    wanted, life = settings("uniform"), Life()
    traffic.store_rows(redis_client)
    elapsed = [1000]
    stored = apply(redis_client, wanted)
    start = server_now(redis_client) - 10_000
    learner = LearnerLoop(redis_client, LOOP, stored, elapsed_ms=lambda: elapsed[0])
    learner._clock.accept(start)
    redis_client.delete(keys.log(LOOP))
    served = traffic.a_decision(random.Random(1), "e", start + 10, deferred=False)
    traffic.write(redis_client, Written(start, Tick(start)))
    traffic.write(redis_client, Written(start + 10, served))
    elapsed[0] += 1000
    life.run(learner)
    life.run(learner)
    assert learner.follower.learner.n_learned == 0
    assert report(redis_client, wanted).counters.clock_jump == 1


def test_it_reports_where_it_stands(redis_client: redis.Redis) -> None:
    wanted, life = settings("uniform"), Life()
    traffic.store_rows(redis_client)
    start = server_now(redis_client)
    dice = random.Random(2)
    late = start + 50_000  # as if the server's clock had been set back by almost a minute
    for ms, event_id in ((start, "closed"), (late - 10, "open"), (late, "open too")):
        traffic.write(redis_client, Written(ms, traffic.a_decision(dice, event_id, ms, deferred=False)))
    learner = opened(redis_client, wanted)
    learner.step(life.now)
    said = report(redis_client, wanted)
    assert (said.n_learned, said.n_behind, said.n_open, said.lag_s) == (1, 0, 2, 0.0)
    assert (said.tail, said.epoch, said.settings_version) == (f"{start}-0", 1, 1)
    assert said.clock_ahead_s > 40
    assert "set back" in said.why[0]
    assert sum(sums.n_decisions for sums in said.variants.values()) == 1


def test_entries_not_read_yet_are_behind(redis_client: redis.Redis) -> None:
    wanted = settings("uniform")
    closed_log(redis_client)
    learner = opened(redis_client, wanted)
    learner.step(1.0)
    said = report(redis_client, wanted)
    assert said.n_behind + said.n_open >= LogReader(redis_client, LOOP).n_entries() - 40
    assert said.lag_s > 0


def test_how_often_to_publish_may_change_within_a_lineage(redis_client: redis.Redis) -> None:
    wanted, life = settings("uniform"), Life()
    learner = opened(redis_client, wanted)
    faster = wanted.model_copy(update={"publish_every_s": 0.5})
    assert faster.learning_hash == wanted.learning_hash
    apply(redis_client, faster)
    life.step(learner)
    assert report(redis_client, wanted).settings_version == 2
    fill(redis_client, traffic.traffic(3, 200, start_ms=later(redis_client)))
    versions = set()
    for _ in range(30):
        life.step(learner)
        versions.add(report(redis_client, wanted).published)
    assert len(versions) > 3


def test_closing_takes_a_last_checkpoint(redis_client: redis.Redis) -> None:
    wanted, life = settings("uniform"), Life()
    closed_log(redis_client)
    learner = opened(redis_client, wanted)
    for _ in range(5):
        learner.step(1.0)
    tail = learner.follower.join.tail
    learner.close(1.5)
    assert newest_checkpoint(redis_client, wanted).join.tail == tail != StreamId(0, 0)
    life.run(opened(redis_client, wanted))
