"""What is said of a learner before its first report, and after its last one."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import redis

from agent import keys
from agent.event_log import LogReader, append
from agent.loop_store import Lineage, LoopStore
from agent.loops import LoopSettings, PolicySettings
from agent.progress import Progress
from agent.records import Tick
from serve_app.learner_status import ALIVE_S, STARTING_S, LearnerState, learner_of, state_of, told_of_learner

LOOP = "shop"
LONG = 1e9


def made(client: redis.Redis, settings: LoopSettings | None = None, *, ago_s: float = 0.0) -> str:
    """The lineage of a loop that was made so long ago."""
    made_at = datetime.fromtimestamp(LogReader(client, LOOP).server_ms() / 1000 - ago_s, UTC)
    name = LoopStore(client).apply(LOOP, settings or LoopSettings()).settings.learning_hash
    lineage = Lineage(name, 1, made_at.isoformat(timespec="milliseconds"))
    client.hset(keys.lineages(LOOP), name, msgspec.json.encode(lineage))
    return name


def reported(client: redis.Redis, lineage: str, *, ago_s: float, why: tuple[str, ...] = ()) -> Progress:
    at_ms = LogReader(client, LOOP).server_ms() - round(1000 * ago_s)
    return Progress(LOOP, lineage, reported_at=at_ms, why=why)


def state(client: redis.Redis, lineage: str, report: Progress | None, *, up_s: float = LONG) -> LearnerState:
    return state_of(client, LOOP, lineage, report, up_s=up_s)


def test_a_loop_without_events_waits_for_the_first(redis_client: redis.Redis) -> None:
    assert state(redis_client, made(redis_client, ago_s=LONG), None) == "waiting"
    assert state(redis_client, made(redis_client), None, up_s=1.0) == "waiting"


def test_a_learner_starts_with_the_first_event_however_old_the_loop(redis_client: redis.Redis) -> None:
    lineage = made(redis_client, ago_s=2 * STARTING_S)
    append(redis_client, LOOP, Tick(LogReader(redis_client, LOOP).server_ms()))
    assert state(redis_client, lineage, None) == "starting"


def test_a_learner_that_never_came_is_not_starting_for_ever(redis_client: redis.Redis) -> None:
    lineage = made(redis_client, ago_s=2 * STARTING_S)
    redis_client.delete(keys.log(LOOP))
    redis_client.incr(keys.log_deleted(LOOP))
    assert state(redis_client, lineage, None) == "stopped"
    assert state(redis_client, lineage, None, up_s=1.0) == "starting"


def test_a_loop_that_begins_with_an_agent_needs_no_event(redis_client: redis.Redis) -> None:
    wanted = LoopSettings(policy=PolicySettings(kind="slateq", start=f"sha256:{'0' * 64}"))
    assert state(redis_client, made(redis_client, wanted), None) == "starting"
    assert state(redis_client, made(redis_client, wanted, ago_s=2 * STARTING_S), None) == "stopped"


def test_a_report_that_is_young_tells_of_life_and_an_old_one_of_none(redis_client: redis.Redis) -> None:
    lineage = made(redis_client, ago_s=2 * STARTING_S)
    assert state(redis_client, lineage, reported(redis_client, lineage, ago_s=ALIVE_S / 2)) == "alive"
    old = reported(redis_client, lineage, ago_s=2 * ALIVE_S)
    assert state(redis_client, lineage, old) == "stopped"
    assert state(redis_client, lineage, old, up_s=1.0) == "starting"


def test_a_learner_that_failed_is_not_called_starting(redis_client: redis.Redis) -> None:
    lineage = made(redis_client)
    failed = Progress(LOOP, lineage, why=("Learning has failed and is tried again.",))
    assert state(redis_client, lineage, failed, up_s=1.0) == "stopped"
    assert learner_of(failed, "stopped").reported_at is None


def test_each_state_but_life_is_told_with_what_becomes_of_it() -> None:
    told = {one: told_of_learner(learner_of(None, one)) for one in ("alive", "starting", "waiting", "stopped")}
    assert told["alive"] == []
    assert "starting" in told["starting"][0]
    assert "POST /v1/slates makes one" in told["waiting"][0]
    assert "has not reported yet; it is restarted by itself" in told["stopped"][0]
    (late,) = told_of_learner(learner_of(Progress(LOOP, "l", reported_at=7), "stopped"))
    assert "has not reported lately" in late
