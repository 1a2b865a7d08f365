from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from agent import learner_loop, log_deletion, log_follower, progress
from agent.event_log import LogReader
from agent.fencing import claim
from agent.log_deletion import delete_learned
from agent.loops import LoopSettings
from agent.records import ZERO, StreamId, Tick
from agent.snapshots import SnapshotStore
from tests.agent import traffic
from tests.agent.learning import (
    Life,
    closed_log,
    fill,
    later,
    newest_checkpoint,
    opened,
    outcome,
    report,
    undisturbed,
    undisturbed_rows,
    user_rows,
)
from tests.agent.traffic import LOOP, Written, apply, settings

N_DECISIONS = 600


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_follower, "BATCH", 40)
    monkeypatch.setattr(learner_loop, "BATCH", 40)


def needed(client: redis.Redis, wanted: LoopSettings) -> StreamId:
    """Where the log must begin at the latest."""
    join = newest_checkpoint(client, wanted).join
    return join.reread_from or join.tail


@pytest.mark.parametrize(("kind", "explorer"), [("vw", "bag"), ("linear", "randucb")])
def test_a_learner_killed_after_each_deletion_ends_where_an_undisturbed_one_does(
    redis_client: redis.Redis, kind: str, explorer: str
) -> None:
    wanted, dice, life = settings(kind, explorer=explorer), random.Random(2), Life()
    closed_log(redis_client, N_DECISIONS)
    apply(redis_client, wanted)
    expected, rows = outcome(undisturbed(redis_client, wanted)), undisturbed_rows(redis_client, wanted)
    n_before, n_deleted, more = LogReader(redis_client, LOOP).n_entries(), [], True
    while more:
        learner = opened(redis_client, wanted)
        for _ in range(dice.randrange(1, 7)):
            more = more and life.step(learner)
        n_deleted.append(delete_learned(redis_client, LOOP).n_deleted)
    log = LogReader(redis_client, LOOP)
    assert sum(n > 0 for n in n_deleted) > 1
    assert (log.n_entries(), log.n_deleted(), log.n_written()) == (n_before - sum(n_deleted), sum(n_deleted), n_before)
    assert outcome(learner.follower) == expected
    assert user_rows(redis_client, wanted) == rows
    assert report(redis_client, wanted).n_behind == 0


def test_what_a_checkpoint_may_read_again_stays_to_the_entry(redis_client: redis.Redis) -> None:
    wanted, life = settings("linear"), Life()
    closed_log(redis_client, N_DECISIONS)
    learner = opened(redis_client, wanted)
    for _ in range(30):
        life.step(learner)
    log, first = LogReader(redis_client, LOOP), needed(redis_client, wanted)
    whole = log.read(ZERO, 100_000)
    done = delete_learned(redis_client, LOOP)
    assert done == (sum(entry.id < first for entry in whole), first, "")
    assert done.n_deleted > 50
    assert log.read(ZERO, 100_000) == [entry for entry in whole if entry.id >= first]
    assert delete_learned(redis_client, LOOP) == (0, first, "")


def test_a_lineage_without_a_checkpoint_holds_everything(redis_client: redis.Redis) -> None:
    served, wanted, life = settings("linear"), settings("vw"), Life()
    closed_log(redis_client, N_DECISIONS)
    learner = life.run(opened(redis_client, served))
    learner.step(life.now + 4000)
    assert SnapshotStore(redis_client, LOOP).serving() is not None
    apply(redis_client, wanted)
    done = delete_learned(redis_client, LOOP)
    assert done.n_deleted == 0
    assert wanted.learning_hash in done.why
    learner = life.run(opened(redis_client, wanted))
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted))
    assert delete_learned(redis_client, LOOP).n_deleted > 0


def test_a_lineage_that_begins_afterwards_learns_what_is_left_and_catches_up(redis_client: redis.Redis) -> None:
    first, second, life = settings("linear"), settings("vw"), Life()
    closed_log(redis_client, N_DECISIONS)
    life.run(opened(redis_client, first))
    n_deleted = delete_learned(redis_client, LOOP).n_deleted
    again_ms = later(redis_client)
    fill(redis_client, traffic.traffic(4, 100, start_ms=again_ms))
    traffic.write(redis_client, Written(again_ms + 10_000_000, Tick(again_ms + 10_000_000)))
    for wanted in (second, first):
        learner = life.run(opened(redis_client, wanted))
        learner.step(life.now + 1.0)
        assert learner.follower.join.state().n_entries == LogReader(redis_client, LOOP).n_written()
        assert report(redis_client, wanted).n_behind == 0
    assert 50 < newest_checkpoint(redis_client, second).n_learned < newest_checkpoint(redis_client, first).n_learned
    assert n_deleted > 50


def test_a_retired_lineage_passes_over_what_has_gone(redis_client: redis.Redis) -> None:
    """It holds nothing; asked for again, it goes on from its checkpoint with what is left, and catches up."""
    retired, current, life = settings("linear"), settings("vw"), Life()
    closed_log(redis_client, N_DECISIONS)
    learner = opened(redis_client, retired)
    for _ in range(3):
        life.step(learner)
    learner.close(life.now)
    life.run(opened(redis_client, current))
    SnapshotStore(redis_client, LOOP).switch_lineage(current.learning_hash)
    first = delete_learned(redis_client, LOOP).first
    assert first > newest_checkpoint(redis_client, retired).join.tail
    learner = life.run(opened(redis_client, retired))
    learner.step(life.now + 1.0)
    assert report(redis_client, retired).n_behind == 0


def test_a_learner_that_is_just_starting_holds_everything_until_it_reports(redis_client: redis.Redis) -> None:
    """It may have found its checkpoints useless, as after an upgrade, and be reading the log from the beginning."""
    wanted, life = settings("linear"), Life()
    closed_log(redis_client, N_DECISIONS)
    life.run(opened(redis_client, wanted))
    epoch = claim(redis_client, LOOP, wanted.learning_hash).epoch
    assert "just starting" in delete_learned(redis_client, LOOP).why
    tail = LogReader(redis_client, LOOP).read(ZERO, 10)[-1].id
    progress.write(redis_client, progress.Progress(LOOP, wanted.learning_hash, epoch=epoch, tail=str(tail)))
    assert delete_learned(redis_client, LOOP).first == tail


def test_settings_that_change_meanwhile_are_seen(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    life, begun = Life(), settings("vw")
    closed_log(redis_client, N_DECISIONS)
    life.run(opened(redis_client, settings("linear")))
    floor_of = log_deletion._floor_of

    def meanwhile(client: redis.Redis, loop: str, lineage: str) -> Any:
        floor = floor_of(client, loop, lineage)
        apply(redis_client, begun)
        return floor

    monkeypatch.setattr(log_deletion, "_floor_of", meanwhile)
    done = delete_learned(redis_client, LOOP)
    assert done.n_deleted == 0
    assert begun.learning_hash in done.why


def test_much_goes_in_parts(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_deletion, "N_AT_ONCE", 120)
    wanted = settings("linear")
    closed_log(redis_client, N_DECISIONS)
    Life().run(opened(redis_client, wanted))
    first = needed(redis_client, wanted)
    assert delete_learned(redis_client, LOOP).first == first
    assert LogReader(redis_client, LOOP).first_id() == first


def test_a_loop_where_nothing_happened(redis_client: redis.Redis) -> None:
    assert delete_learned(redis_client, LOOP) == (0, ZERO, "")
    apply(redis_client, settings())
    assert delete_learned(redis_client, LOOP).n_deleted == 0
    assert LogReader(redis_client, LOOP).n_entries() == 1
