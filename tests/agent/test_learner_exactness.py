from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any, NamedTuple

import pytest
import redis

from agent import keys, learner_loop, log_follower, progress
from agent.checkpoint import Checkpoint, CheckpointStore
from agent.event_log import LogReader
from agent.fencing import Fenced, claim
from agent.join import Join
from agent.learner import LoopLearner
from agent.learner_loop import LearnerLoop, LogLost
from agent.log_follower import relearn
from agent.loops import LoopSettings
from agent.recipe import RewardRecipe
from agent.records import ZERO, Decision, Tick
from agent.snapshots import SnapshotStore
from agent.starts import Start, StartStore
from agent.user_rates import RedisUsers
from policies.base import PolicyError
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
from tests.agent.traffic import LOOP, WINDOW_MS, Written, apply, settings
from tests.trained import packed, start

SMALL = {"hidden": [8], "fit_on": 16, "block": 16, "block_minibatch": 8}
"""Some ten blocks of a few steps in these logs."""


class Case(NamedTuple):
    """A policy at work, and what it begins with."""

    wanted: LoopSettings
    start: Start | None = None

    @classmethod
    def of(cls, client: redis.Redis, name: str) -> Case:
        kind, _, rest = name.partition(" ")
        if kind not in ("slateq", "gradient"):
            return cls(settings(kind, explorer=rest))
        wanted = settings(kind, **SMALL)
        if not rest:
            return cls(wanted)
        address = StartStore(client, LOOP).put(packed(kind))
        policy = wanted.policy.model_copy(update={"start": address})
        return cls(wanted.model_copy(update={"policy": policy}), start(kind))


BANDITS = ["vw epsilon", "vw bag", "linear randucb"]
AGENTS = ["slateq", "gradient", "slateq begun", "gradient begun"]
N_USERS = 4


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner's life then has many steps, and crashes fall into the middle of it."""
    monkeypatch.setattr(log_follower, "BATCH", 40)
    monkeypatch.setattr(learner_loop, "BATCH", 40)


# Exactly once, whatever is killed


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name in BANDITS for seed in range(4)])
def test_a_learner_killed_at_random_ends_where_an_undisturbed_one_does(
    redis_client: redis.Redis, name: str, seed: int
) -> None:
    assert_killed_ends_as_undisturbed(redis_client, Case.of(redis_client, name), seed)


@pytest.mark.parametrize(("seed", "name"), list(enumerate(AGENTS)))
def test_an_agent_killed_between_its_updates_ends_where_an_undisturbed_one_does(
    redis_client: redis.Redis, name: str, seed: int
) -> None:
    """Some lives were long enough for an update, so that the next began with nets that had learned."""
    case = Case.of(redis_client, name)
    served = assert_killed_ends_as_undisturbed(redis_client, case, seed)
    began = LoopLearner(case.wanted, start=case.start).snapshot(ZERO).policy
    assert len({began, *served}) > 4


def assert_killed_ends_as_undisturbed(client: redis.Redis, case: Case, seed: int) -> list[bytes]:
    """Returns what would have been served at the end of each life."""
    (wanted, start), dice, life = case, random.Random(seed), Life()
    closed_log(client)
    more, served = True, list[bytes]()
    while more:
        learner = opened(client, wanted)
        for _ in range(dice.randrange(1, 7)):
            more = life.step(learner)
            if not more:
                break
        served.append(learner.follower.learner.snapshot(ZERO).policy)
    assert len(served) > 2
    expected = undisturbed(client, wanted, start)
    assert outcome(learner.follower) == outcome(expected)
    assert user_rows(client, wanted) == undisturbed_rows(client, wanted, start)
    checkpoint = newest_checkpoint(client, wanted)
    again = relearn(LogReader(client, LOOP), wanted, checkpoint.join.tail, start=start)
    assert checkpoint.learner == again.state()
    assert again.n_learned == checkpoint.n_learned > 150
    return served


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


@pytest.mark.parametrize("name", BANDITS + AGENTS)
def test_connections_lost_at_any_command_change_nothing(redis_client: redis.Redis, name: str) -> None:
    (wanted, start), life = Case.of(redis_client, name), Life()
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
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted, start))
    assert len(user_rows(redis_client, wanted)) == N_USERS
    assert user_rows(redis_client, wanted) == undisturbed_rows(redis_client, wanted, start)


class Killed(BaseException):
    """Nothing that happens afterwards."""


@pytest.mark.parametrize(("where", "killed_at"), [(CheckpointStore, "save"), (RedisUsers, "write")])
@pytest.mark.parametrize("is_done", [False, True])
def test_a_learner_killed_between_users_rows_and_checkpoint_counts_once(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, where: type, killed_at: str, is_done: bool
) -> None:
    """Killed before or after what comes first, and before or after what comes second; every third time."""
    wanted, life, n_calls = settings(explorer="bag"), Life(), 0
    closed_log(redis_client)
    whole = getattr(where, killed_at)

    def dying(*arguments: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls % 3 and is_done:
            whole(*arguments)
        if n_calls % 3:
            raise Killed
        return whole(*arguments)

    monkeypatch.setattr(where, killed_at, dying)
    learner, n_killed, more = None, 0, True
    while more:
        try:
            learner = learner or opened(redis_client, wanted)
            more = life.step(learner)
        except Killed:
            learner, n_killed = None, n_killed + 1
    assert n_killed > 3
    assert learner is not None
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted))
    assert user_rows(redis_client, wanted) == undisturbed_rows(redis_client, wanted)


def test_a_learner_that_was_replaced_writes_no_users_rows(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    stale = opened(redis_client, wanted)
    stale.follower.gather()
    while stale.follower.advance():
        pass
    current = opened(redis_client, wanted)
    with pytest.raises(Fenced):
        life.step(stale)
    assert user_rows(redis_client, wanted) == {}
    life.run(current)
    assert user_rows(redis_client, wanted) == undisturbed_rows(redis_client, wanted)


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
    assert user_rows(redis_client, wanted) == undisturbed_rows(redis_client, wanted)


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


def test_a_checkpoint_that_could_not_be_used_is_past_once_there_is_a_newer_one(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, life = settings("popularity"), Life()
    closed_log(redis_client)
    life.run(opened(redis_client, wanted))
    lineage = wanted.learning_hash
    numbers: Any = redis_client.zrevrange(keys.checkpoints(LOOP, lineage), 0, 0)
    redis_client.set(keys.checkpoint(LOOP, lineage, int(numbers[0])), b"SLCP1torn")
    with monkeypatch.context() as patched:
        patched.setattr(learner_loop, "CHECKPOINT_EVERY_S", math.nan)  # never due
        learner = opened(redis_client, wanted)
    life.run(learner)
    (told,) = report(redis_client, wanted).why
    assert told.startswith("A checkpoint was unreadable (")
    learner.close(life.now)
    (past,) = report(redis_client, wanted).why
    assert past.startswith("Past, at 20")
    assert past.endswith(f" UTC, and a newer checkpoint is saved since: {told}")
    monkeypatch.setattr(learner_loop, "PAST_S", -1.0)
    life.run(learner)
    assert report(redis_client, wanted).why == ()


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


def test_a_checkpoint_of_another_version_is_named_and_what_was_published_stays(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    life.run(opened(redis_client, wanted))
    serving = SnapshotStore(redis_client, LOOP).serving()
    lineage = wanted.learning_hash
    numbers: Any = redis_client.zrange(keys.checkpoints(LOOP, lineage), 0, -1)
    for number in numbers:
        redis_client.set(keys.checkpoint(LOOP, lineage, int(number)), b"SLCP9" + bytes(40))
    learner = opened(redis_client, wanted)
    life.step(learner)
    assert SnapshotStore(redis_client, LOOP).serving() == serving
    life.run(learner)
    assert outcome(learner.follower) == outcome(undisturbed(redis_client, wanted))
    (told,) = report(redis_client, wanted).why
    assert told.startswith("Past, at 20")
    assert ": No checkpoint could be read (checkpoint " in told
    assert "of format SLCP9; this release reads SLCP1" in told
    assert told.endswith("; learning began again from the log's beginning.")


def test_what_else_keeps_it_from_learning_is_told_as_itself_and_costs_no_checkpoint(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without torch an agent's checkpoint can't be used either, yet nothing is wrong with it."""
    case, life = Case.of(redis_client, "gradient begun"), Life()
    closed_log(redis_client)
    whole = life.run(opened(redis_client, case.wanted))
    serving = SnapshotStore(redis_client, LOOP).serving()

    def without_torch(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    with monkeypatch.context() as patched:
        patched.setattr("policies.registry.importlib.import_module", without_torch)
        with pytest.raises(PolicyError, match=r"learns with torch, which isn't installed: `make agents`"):
            opened(redis_client, case.wanted)
    assert SnapshotStore(redis_client, LOOP).serving() == serving
    again = opened(redis_client, case.wanted)
    assert again.follower.learner.n_learned == newest_checkpoint(redis_client, case.wanted).n_learned > 150
    assert outcome(life.run(again).follower) == outcome(whole.follower)
    assert report(redis_client, case.wanted).why == ()


def test_a_log_that_lost_its_newest_entries_is_noticed(redis_client: redis.Redis) -> None:
    wanted, life = settings(), Life()
    closed_log(redis_client)
    learner = life.run(opened(redis_client, wanted))
    redis_client.xdel(keys.log(LOOP), str(LogReader(redis_client, LOOP).last_id()))
    with pytest.raises(LogLost):
        life.step(learner)
