"""The supervisor and a learner as real Ray actors: killed, they come back; settings changed, the lineage changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import ray
import redis

from agent import progress
from agent.event_log import LogReader, server_ms
from agent.log_follower import relearn
from agent.loop_store import LoopStore
from agent.loops import LoopSettings
from agent.records import Tick
from agent.snapshots import SnapshotStore
from agent.supervision import LearnerId
from agent.supervisor import RayLearners, start_supervisor, stop_supervisor
from tests.agent import traffic
from tests.agent.learning import newest_checkpoint
from tests.agent.traffic import LOOP, Written, settings
from tests.end_to_end.processes import kill_one
from tests.end_to_end.until import until

pytestmark = [pytest.mark.end_to_end, pytest.mark.slow]

NAMESPACE = "test-learning-actors"


@pytest.fixture
def _cluster(redis_url: str) -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
    try:
        start_supervisor(redis_url, namespace=NAMESPACE)
        yield
        stop_supervisor(namespace=NAMESPACE)
    finally:
        ray.shutdown()


@pytest.mark.usefixtures("_cluster")
def test_learning_survives_its_processes(redis_url: str, redis_client: redis.Redis) -> None:
    first, second = settings(explorer="bag"), settings("popularity")
    learners, store = RayLearners(redis_url, NAMESPACE), LoopStore(redis_client)
    store.apply(LOOP, first)
    assert learners.running() == {}

    traffic.store_rows(redis_client)
    written = list(traffic.traffic(1, 300, start_ms=server_ms(redis_client) + 3_600_000))
    half = len(written) // 2
    write_all(redis_client, written[:half])
    until(lambda: reported(redis_client, first).n_learned > 50, within_s=30.0)
    kill_one("ray::LearnerActor")
    write_all(redis_client, [*written[half:], Written(written[-1].ms + 10_000, Tick(written[-1].ms + 10_000))])
    until(lambda: reported(redis_client, first).epoch == 2 and all_read(redis_client, first), within_s=30.0)
    checkpoint = newest_checkpoint(redis_client, first)
    assert checkpoint.learner == relearn(LogReader(redis_client, LOOP), first, checkpoint.join.tail).state()

    kill_one("ray::SupervisorActor")
    store.apply(LOOP, second)
    until(lambda: serving_lineage(redis_client) == second.learning_hash, within_s=30.0)
    until(lambda: learners.running() == {LearnerId(LOOP, second.learning_hash): "learning"}, within_s=30.0)
    assert reported(redis_client, second).n_learned == reported(redis_client, first).n_learned
    stop_supervisor(namespace=NAMESPACE)
    until(lambda: learners.running() == {}, within_s=30.0)


def write_all(client: redis.Redis, written: list[Written]) -> None:
    for each in written:
        traffic.write(client, each)


def reported(client: redis.Redis, wanted: LoopSettings) -> progress.Progress:
    return progress.read(client, LOOP, wanted.learning_hash) or progress.Progress(LOOP, wanted.learning_hash)


def all_read(client: redis.Redis, wanted: LoopSettings) -> bool:
    said = reported(client, wanted)
    return said.tail == str(LogReader(client, LOOP).last_id()) and said.n_behind == said.n_open == 0


def serving_lineage(client: redis.Redis) -> str | None:
    serving = SnapshotStore(client, LOOP).serving()
    return serving.lineage if serving else None
