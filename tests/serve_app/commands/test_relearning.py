from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import redis
from typer.testing import CliRunner

import slateloop
from agent import keys
from agent.checkpoint import CheckpointStore
from agent.fencing import claim
from agent.learner_loop import LearnerLoop
from agent.records import Tick
from agent.server_files import ServerFiles, ServerRecord
from serve_app.commands.relearning import RelearnError, compare, datastore_url
from serve_app.settings import ServiceSettings
from tests.agent import traffic
from tests.agent.traffic import LOOP, START_MS, Written


def learned_log(client: redis.Redis) -> str:
    """A log that a learner has read and checkpointed; answers its lineage."""
    wanted = traffic.settings()
    traffic.store_rows(client)
    for each in traffic.traffic(3, 300):
        traffic.write(client, each)
    traffic.write(client, Written(START_MS + 10_000_000, Tick(START_MS + 10_000_000)))
    learner = LearnerLoop(client, LOOP, traffic.apply(client, wanted))
    now = 0.0
    while learner.step(now):
        now += 3.0
    learner.drop()
    return wanted.learning_hash


def test_an_undisturbed_learner_ends_with_the_same_bytes(redis_client: redis.Redis, redis_url: str) -> None:
    lineage = learned_log(redis_client)
    found = compare(redis_url, LOOP)
    assert found.is_equal
    assert found.lineage == lineage
    assert found.n_learned >= 32
    assert found.n_bytes > 1000


def test_another_state_is_seen(redis_client: redis.Redis, redis_url: str) -> None:
    lineage = learned_log(redis_client)
    store = CheckpointStore(redis_client, claim(redis_client, LOOP, lineage))
    kept = store.load().checkpoint
    assert kept is not None
    other = kept.learner[:-1] + bytes([kept.learner[-1] ^ 1])
    store.save(msgspec.structs.replace(kept, learner=other))
    assert not compare(redis_url, LOOP).is_equal


def test_the_command_prints_and_exits_by_the_outcome(redis_client: redis.Redis, redis_url: str) -> None:
    learned_log(redis_client)
    arguments = ["doctor", "--relearn", LOOP]
    environment = {"SLATELOOP_REDIS_URL": redis_url}
    result = CliRunner().invoke(slateloop.app, arguments, env=environment)
    assert result.exit_code == 0, result.stderr
    assert "the same bytes" in result.stdout
    result = CliRunner().invoke(slateloop.app, [*arguments, "--json"], env=environment)
    assert json.loads(result.stdout)["is_equal"] is True


def test_what_can_not_be_compared_is_explained(redis_client: redis.Redis, redis_url: str) -> None:
    with pytest.raises(RelearnError, match="no loop shop"):
        compare(redis_url, LOOP)
    traffic.apply(redis_client, traffic.settings())
    with pytest.raises(RelearnError, match="has no checkpoint yet"):
        compare(redis_url, LOOP)
    with pytest.raises(RelearnError, match="doesn't answer"):
        compare("unix:///nowhere/redis.sock", LOOP)


def test_a_deleted_past_is_told_as_such(redis_client: redis.Redis, redis_url: str) -> None:
    learned_log(redis_client)
    redis_client.set(keys.log_deleted(LOOP), 7)  # as a deletion counts
    with pytest.raises(RelearnError, match="first 7 entries of its log were deleted"):
        compare(redis_url, LOOP)
    result = CliRunner().invoke(slateloop.app, ["doctor", "--relearn", LOOP], env={"SLATELOOP_REDIS_URL": redis_url})
    assert result.exit_code == 1
    assert "nothing left to compare it with" in result.stderr


def test_the_server_of_a_data_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(RelearnError, match="no datastore has run in"):
        datastore_url(ServiceSettings(data_dir=tmp_path))
    ServerFiles(tmp_path / "datastore").write_record(ServerRecord("unix:///here", "/bin/x", "9.1.2", None))
    assert datastore_url(ServiceSettings(data_dir=tmp_path)) == "unix:///here"
    assert datastore_url(ServiceSettings(redis_url="redis://there", data_dir=tmp_path)) == "redis://there"
