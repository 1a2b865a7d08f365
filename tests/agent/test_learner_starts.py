"""Learners that begin with a trained agent: what they serve at once, what they learn on, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from unittest.mock import patch

import msgspec
import pytest
import redis

from agent import keys, learner_loop, log_follower
from agent.event_log import LogReader, append
from agent.learner import N_RECENT, LoopLearner
from agent.learner_loop import LearnerLoop
from agent.log_follower import relearn
from agent.loop_store import LoopStore
from agent.loops import LoopSettings, PolicySettings
from agent.records import ZERO, Tick
from agent.snapshots import SnapshotStore
from agent.starts import StartError, StartStore
from agent.supervision import LearnerId, Supervision
from policies.base import PolicyError
from policies.features import canonical
from tests.agent import traffic
from tests.agent.learning import Life, closed_log, fill, later, newest_checkpoint, report
from tests.agent.test_supervision import FakeLearners
from tests.agent.traffic import LOOP, Written
from tests.trained import AGENT_OPTIONS, packed, start

KINDS = ("slateq", "gradient")


@pytest.fixture
def _as_in_its_world(monkeypatch: pytest.MonkeyPatch) -> None:
    become_as_in_its_world(monkeypatch)


def become_as_in_its_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items have the feature that the agent was trained with; without, they have none of its."""
    plain = traffic.rows()
    rows = {
        item: canonical({**json.loads(row), "clickbait": n / len(plain)}) for n, (item, row) in enumerate(plain.items())
    }
    monkeypatch.setattr(traffic, "rows", lambda: rows)


def published(client: redis.Redis, kind: str) -> LoopSettings:
    """Settings that begin with a trained agent, in force."""
    address = StartStore(client, LOOP).put(packed(kind))
    wanted = LoopSettings(policy=PolicySettings(kind=kind, options=dict(AGENT_OPTIONS), start=address))
    LoopStore(client).apply(LOOP, wanted)
    return wanted


def opened(client: redis.Redis) -> LearnerLoop:
    stored = LoopStore(client).current(LOOP)
    assert stored is not None
    return LearnerLoop(client, LOOP, stored)


def saved(client: redis.Redis, wanted: LoopSettings) -> bytes:
    """What the newest checkpoint would serve."""
    state = newest_checkpoint(client, wanted).learner
    return LoopLearner(wanted, state, start=start(wanted.policy.kind)).snapshot(ZERO).policy


def popular(client: redis.Redis, life: Life) -> LoopSettings:
    """Another policy, in force, that has learned a log."""
    wanted = LoopSettings(policy=PolicySettings(kind="popularity"))
    LoopStore(client).apply(LOOP, wanted)
    closed_log(client, 60, start_ms=later(client))
    life.run(opened(client))
    return wanted


@pytest.mark.parametrize("kind", KINDS)
def test_the_agent_is_served_before_anything_is_learned(redis_client: redis.Redis, kind: str) -> None:
    wanted, life = published(redis_client, kind), Life()
    life.run(opened(redis_client))
    serving = SnapshotStore(redis_client, LOOP).serving()
    assert serving is not None
    assert (serving.lineage, serving.n_learned) == (wanted.learning_hash, 0)
    assert SnapshotStore(redis_client, LOOP).load(serving.version).policy == start(kind).snapshot
    life.run(opened(redis_client))
    assert len(SnapshotStore(redis_client, LOOP).kept()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_on_from_the_log_and_after_a_crash_from_its_checkpoint(redis_client: redis.Redis, kind: str) -> None:
    """It crashes after its first update, and makes more afterwards."""
    wanted, life = published(redis_client, kind), Life()
    closed_log(redis_client, 200, start_ms=later(redis_client))
    first = opened(redis_client)
    with patch.object(learner_loop, "BATCH", 20), patch.object(log_follower, "BATCH", 20):
        while life.step(first) and saved(redis_client, wanted) == start(kind).snapshot:
            pass
    assert AGENT_OPTIONS["block"] <= newest_checkpoint(redis_client, wanted).n_learned < 120
    at_crash = saved(redis_client, wanted)
    again = life.run(opened(redis_client)).follower
    assert again.learner.n_learned > 160
    served = again.learner.snapshot(ZERO).policy
    assert len({start(kind).snapshot, at_crash, served}) == 3
    whole = relearn(LogReader(redis_client, LOOP), wanted, again.join.tail, start=start(kind))
    assert again.learner.n_learned == whole.n_learned
    assert again.learner.state() == whole.state()


@pytest.mark.usefixtures("_as_in_its_world")
def test_what_it_learned_is_served(redis_client: redis.Redis) -> None:
    published(redis_client, "gradient")
    life, store = Life(), SnapshotStore(redis_client, LOOP)
    closed_log(redis_client, 200, start_ms=later(redis_client))
    learner = opened(redis_client)
    with patch.object(learner_loop, "BATCH", 20), patch.object(log_follower, "BATCH", 20):
        life.run(learner)
    nets = {store.load(one.version).policy for one in store.kept()}
    serving = store.serving()
    assert serving is not None
    assert serving.n_learned > 160
    assert store.load(serving.version).policy != start("gradient").snapshot
    assert len(nets - {start("gradient").snapshot}) > 1


def test_a_loop_is_looked_after_before_its_first_event(redis_client: redis.Redis) -> None:
    wanted = published(redis_client, "gradient")
    learners = FakeLearners()
    Supervision(redis_client, learners).step()
    assert learners.orders == [("start", wanted.learning_hash)]
    assert list(learners.running()) == [LearnerId(LOOP, wanted.learning_hash)]


@pytest.mark.usefixtures("_as_in_its_world")
def test_what_was_served_goes_on_until_the_agent_has_learned_the_log(redis_client: redis.Redis) -> None:
    life, store = Life(), SnapshotStore(redis_client, LOOP)
    before = popular(redis_client, life)
    wanted = published(redis_client, "gradient")
    learner = opened(redis_client)
    assert serving_lineage(store) == before.learning_hash
    life.run(learner)
    append(redis_client, LOOP, Tick(0))
    assert serving_lineage(store) == before.learning_hash
    life.run(learner)
    Supervision(redis_client, FakeLearners()).step()
    assert serving_lineage(store) == wanted.learning_hash


def test_an_agent_that_sees_nothing_of_what_is_sent_never_takes_over(redis_client: redis.Redis) -> None:
    """Nor does it once its learner begins anew and has no lessons at hand."""
    life, store = Life(), SnapshotStore(redis_client, LOOP)
    before = popular(redis_client, life)
    wanted = published(redis_client, "gradient")
    for _ in range(2):
        learner = life.run(opened(redis_client))
        life.step(learner)
        Supervision(redis_client, FakeLearners()).step()
        assert serving_lineage(store) == before.learning_hash
        assert store.newest(wanted.learning_hash) is None
        learner.close(life.now)
    assert learner.follower.learner.n_learned > 50


def test_what_it_learned_of_nothing_it_knows_is_told_and_not_served(redis_client: redis.Redis) -> None:
    wanted, life = published(redis_client, "gradient"), Life()
    learner = life.run(opened(redis_client))
    closed_log(redis_client, 60, start_ms=later(redis_client))
    life.run(learner)
    serving = SnapshotStore(redis_client, LOOP).serving()
    assert serving is not None
    assert (serving.n_learned, learner.follower.learner.n_learned > 50) == (0, True)
    why = report(redis_client, wanted).why[0]
    assert "the agent was trained with clickbait, and the latest 20 lessons have nothing of it; send it" in why


def serving_lineage(store: SnapshotStore) -> str | None:
    serving = store.serving()
    return serving.lineage if serving else None


def test_without_its_bytes_it_says_what_to_do(redis_client: redis.Redis) -> None:
    wanted = published(redis_client, "gradient")
    redis_client.delete(keys.start(LOOP, wanted.policy.start))
    with pytest.raises(StartError, match="publish it again"):
        opened(redis_client)
    with pytest.raises(PolicyError, match="can't begin with nothing"):
        LoopLearner(wanted)
    with pytest.raises(PolicyError, match="can't begin with an agent of kind slateq"):
        LoopLearner(wanted, start=start("slateq"))


def test_features_that_it_was_trained_on_and_nobody_sends_are_told(redis_client: redis.Redis) -> None:
    """The traffic of these tests has other features than the world of the agent."""
    wanted = published(redis_client, "gradient")
    closed_log(redis_client, 2 * N_RECENT, start_ms=later(redis_client))
    learner = Life().run(opened(redis_client)).follower.learner
    assert learner.n_learned > 0
    assert len(learner.recent) == N_RECENT
    told = [reason for reason in learner.troubles() if reason.startswith("unmet")]
    assert told == ["unmet: no lesson has 1 of the 1 features that the agent was trained with: clickbait"]
    assert learner.snapshot(ZERO).kind == "gradient"
    assert SnapshotStore(redis_client, LOOP).serving() is None
    assert "; the application's order is served instead." in report(redis_client, wanted).why[0]


@pytest.mark.usefixtures("_as_in_its_world")
def test_what_a_lesson_had_before_a_restart_is_not_missed_after_it(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, life, at = published(redis_client, "gradient"), Life(), later(redis_client)
    closed_log(redis_client, 40, start_ms=at)
    life.run(opened(redis_client)).close(life.now)
    monkeypatch.undo()
    fill(redis_client, [*traffic.traffic(4, 60, start_ms=at + 20_000_000), Written(at + 30_000_000, Tick(0))])
    again = life.run(opened(redis_client)).follower
    assert len(again.learner.recent) == N_RECENT
    assert not any("clickbait" in action.features for lesson in again.learner.recent for action in lesson.actions)
    assert not any(reason.startswith("unmet") for reason in again.learner.troubles())
    whole = relearn(LogReader(redis_client, LOOP), wanted, again.join.tail, start=start("gradient"))
    assert again.learner.state() == whole.state()


def test_a_checkpoint_that_does_not_say_what_was_met_is_learned_again(redis_client: redis.Redis) -> None:
    """Such as an earlier release kept: what its lessons had would be missed for good."""
    wanted, life, at = published(redis_client, "gradient"), Life(), later(redis_client)
    closed_log(redis_client, 40, start_ms=at)
    with patch.object(LoopLearner, "state", without_unmet(LoopLearner.state)):
        life.run(opened(redis_client)).close(life.now)
    older = newest_checkpoint(redis_client, wanted).learner
    with pytest.raises(PolicyError, match="doesn't say what the agent that learning began with has met"):
        LoopLearner(wanted, older, start=start("gradient"))
    fill(redis_client, [*traffic.traffic(4, 60, start_ms=at + 20_000_000), Written(at + 30_000_000, Tick(0))])
    again = life.run(opened(redis_client)).follower
    whole = relearn(LogReader(redis_client, LOOP), wanted, again.join.tail, start=start("gradient"))
    assert again.learner.state() == whole.state()
    assert "learning began again from the log's beginning" in " ".join(report(redis_client, wanted).why)


def without_unmet(state: Callable[[LoopLearner], bytes]) -> Callable[[LoopLearner], bytes]:
    """The same state without the field, which came later."""

    def older(learner: LoopLearner) -> bytes:
        known = msgspec.msgpack.decode(state(learner))
        assert known.pop("unmet")
        return msgspec.msgpack.encode(known)

    return older


def test_without_what_it_learns_with_it_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_torch(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("policies.registry.importlib.import_module", without_torch)
    with pytest.raises(PolicyError, match=r"kind='slateq' learns with torch, which isn't installed: `make agents`"):
        LoopLearner(LoopSettings(policy=PolicySettings(kind="slateq")))
