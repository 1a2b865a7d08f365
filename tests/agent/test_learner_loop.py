from __future__ import annotations

import random
import time

import msgspec
import pytest
import redis

from agent import keys, learner_loop, log_follower
from agent.event_log import FIELD, LogReader
from agent.learner_loop import LearnerLoop
from agent.records import ZERO, Decision, Reward, StreamId, Tick
from agent.snapshots import SnapshotStore
from policies import linear_bytes
from tests.agent import traffic
from tests.agent.learning import (
    Life,
    closed_log,
    fill,
    later,
    newest_checkpoint,
    opened,
    report,
    server_now,
)
from tests.agent.traffic import LOOP, START_MS, WINDOW_MS, Written, apply, settings


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner's life then has many steps, and crashes fall into the middle of it."""
    monkeypatch.setattr(log_follower, "BATCH", 40)
    monkeypatch.setattr(learner_loop, "BATCH", 40)


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


def test_orphans_of_late_are_told_from_those_of_long_ago(redis_client: redis.Redis) -> None:
    """Old ones are in an old log that is read in one go; where nothing waits, the present is the server's."""
    wanted, now_ms = settings("popularity"), server_now(redis_client)
    for ms in [now_ms - 7_200_000] * 50 + [now_ms - 1_000] * 3:
        traffic.write(redis_client, Written(ms, Reward("unknown", ms, 1.0)))
    learner = Life().run(opened(redis_client, wanted))
    found = report(redis_client, wanted)
    assert (found.counters.orphan, found.n_orphans_lately, found.n_learned_lately) == (53, 3, 0)
    learner.close(0.0)
    again = Life().run(opened(redis_client, wanted))
    assert report(redis_client, wanted).n_orphans_lately == 0
    fill(redis_client, traffic.traffic(3, 50, start_ms=later(redis_client)))
    Life().run(again)
    found = report(redis_client, wanted)
    assert found.n_orphans_lately == found.counters.orphan - 53 > 0
    assert found.n_learned == found.n_learned_lately > 0


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


def test_what_an_older_release_left_is_replaced_by_what_is_learned_anew(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replicas of this release can't serve its snapshot, so the same log learned once more is published at once."""
    wanted, life, store = settings("linear"), Life(), SnapshotStore(redis_client, LOOP)
    closed_log(redis_client)
    learner = life.run(opened(redis_client, wanted))
    life.now += 3600
    life.run(learner)
    learner.close(life.now)
    before = store.serving()
    assert before is not None
    monkeypatch.setattr(linear_bytes, "_FORMAT", 99)
    again = opened(redis_client, wanted)
    assert again.follower.learner.n_learned == 0
    life.run(again)
    life.now += 3600
    life.run(again)
    serving = store.serving()
    assert serving is not None
    assert (serving.n_learned, serving.version != before.version) == (before.n_learned, True)
    assert ["format 2" in line for line in report(redis_client, wanted).why] == [True]


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


def test_a_lineage_that_is_to_take_over_publishes_whatever_it_reports(redis_client: redis.Redis) -> None:
    """However seldom it may publish: what is switched to must be what has caught up."""
    old, new, life = settings("uniform"), settings("order"), Life()
    closed_log(redis_client)
    life.run(opened(redis_client, old)).close(life.now)
    learner = opened(redis_client, new.model_copy(update={"publish_every_s": 3600.0}))
    store, more = SnapshotStore(redis_client, LOOP), True
    while more:
        more = life.step(learner)
        newest = store.newest(new.learning_hash)
        assert (newest.n_learned if newest else 0) == report(redis_client, new).n_learned
    assert report(redis_client, new).n_learned > 100
    store.switch_lineage(new.learning_hash)
    life.step(learner)
    fill(redis_client, traffic.traffic(4, 60, start_ms=later(redis_client)))
    life.run(learner)
    newest = store.newest(new.learning_hash)
    assert newest is not None
    assert newest.n_learned < report(redis_client, new).n_learned
