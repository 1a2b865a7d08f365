"""What the learner met in the features arrives in the status, from the log on."""

from __future__ import annotations

import json
import random

import msgspec
import redis

from agent import keys, progress
from agent.event_log import server_ms
from agent.learner_loop import LearnerLoop
from agent.loop_store import LoopStore
from agent.loops import DEFAULT_LOOP
from agent.records import Reward, SessionEnd, Tick
from agent.snapshots import SnapshotStore
from agent.starts import StartStore
from policies.base import Action, Context
from policies.neural.dense import DenseEncoder
from serve_app.answers import Status
from serve_app.status import StatusAnswer, read_status
from serve_app.strays import CURE, OrphanStatus
from serve_app.troubles import CURES, explained
from tests.agent import traffic
from tests.agent.learning import Life, closed_log, opened
from tests.agent.traffic import LOOP, START_MS, WINDOW_MS, Written, apply, settings
from tests.serve_app.conftest import InProcess
from tests.trained import AGENT_OPTIONS, packed

N = 40
TAKING_OVER = "What is learned has changed; the new lineage is being learned from the log and then takes over"


def test_odd_features_are_counted_and_explained(redis_client: redis.Redis) -> None:
    """Every second request sends a number as a string, and lacks another number."""
    traffic.store_rows(redis_client)
    dice = random.Random(3)
    for number in range(N):
        context = {"hour": number % 24, "age": 30} if number % 2 else {"hour": "noon"}
        told = json.dumps(context).encode()
        made = traffic.a_decision(dice, f"e{number}", START_MS + number, context=told, deferred=False)
        traffic.write(redis_client, Written(START_MS + number, made))
    end = START_MS + N + WINDOW_MS + 1
    traffic.write(redis_client, Written(end, Tick(end)))
    learner = Life().run(opened(redis_client, settings("linear")))
    status = read_status(redis_client, LOOP)
    assert status is not None
    assert status.experiences.learned == N
    assert status.troubles == learner.follower.learner.troubles()
    assert status.troubles["type: a feature was a number and is a string, or the reverse"] == N // 2
    assert status.troubles["new: an action that was never seen before"] > 0
    assert any(sentence.startswith("Features: type: ") and CURES["type"] in sentence for sentence in status.why)
    assert not any("never seen before" in sentence for sentence in status.why)
    assert msgspec.json.decode(msgspec.json.encode(status), type=Status).troubles == status.troubles


def test_feedback_that_the_recipe_does_not_name_is_told(redis_client: redis.Redis) -> None:
    traffic.store_rows(redis_client)
    dice = random.Random(3)
    for number in range(N):
        made = traffic.a_decision(dice, f"e{number}", START_MS + 2 * number, deferred=False)
        traffic.write(redis_client, Written(START_MS + 2 * number, made))
        watched = Reward(f"e{number}", START_MS + 2 * number + 1, 9.0, "watched_s", slot=0)
        traffic.write(redis_client, Written(watched.clock_ms, watched))
    end = START_MS + 2 * N + WINDOW_MS + 1
    traffic.write(redis_client, Written(end, Tick(end)))
    Life().run(opened(redis_client, settings("linear")))
    status = read_status(redis_client, LOOP)
    assert status is not None
    assert (status.experiences.ignored, status.experiences.learned) == (N, N)
    assert any(f"{N} rewards are of types that reward.recipe doesn't name" in sentence for sentence in status.why)


def stray(client: redis.Redis, *event_ids: str) -> None:
    """Rewards that name no loop, of events that another one decided."""
    at_ms = server_ms(client)
    for event_id in event_ids:
        traffic.write(client, Written(at_ms, Reward(event_id, at_ms, 1.0)), DEFAULT_LOOP)


def learned_default(client: redis.Redis) -> None:
    """The learner of the loop ``default`` reads its log."""
    stored = LoopStore(client).ensure_default()
    Life().run(LearnerLoop(client, DEFAULT_LOOP, stored))


def silent(client: redis.Redis, n: int = 100) -> None:
    """A loop with so many decisions by clients that name their events, and no feedback."""
    traffic.store_rows(client)
    dice = random.Random(3)
    for number in range(n):
        made = traffic.a_decision(dice, f"e{number}", START_MS + number, deferred=False)
        traffic.write(client, Written(START_MS + number, made))
        client.set(keys.event(LOOP, made.event_id), b"1-0:digest")
    end = START_MS + n + WINDOW_MS + 1
    traffic.write(client, Written(end, Tick(end)))
    Life().run(opened(client, settings("popularity")))


def test_a_reward_that_went_astray_is_told_where_it_went_and_where_it_belongs(redis_client: redis.Redis) -> None:
    silent(redis_client)
    stray(redis_client, "e1", "e2")
    learned_default(redis_client)
    default, shop = read_status(redis_client, DEFAULT_LOOP), read_status(redis_client, LOOP)
    assert default is not None
    assert shop is not None
    assert (default.experiences.orphan, default.orphans) == (2, OrphanStatus(2, 2, "e2", LOOP))
    assert any("which the loop shop decided" in sentence and CURE in sentence for sentence in default.why)
    (told,) = [sentence for sentence in shop.why if "None of the 100 decisions" in sentence]
    assert "some rewards of this loop, such as for 'e2', went to the loop default" in told
    read_back = msgspec.json.decode(msgspec.json.encode(default), type=Status)
    assert msgspec.to_builtins(read_back.orphans) == msgspec.to_builtins(default.orphans)


def test_who_may_not_see_other_loops_is_told_of_this_one_alone(redis_client: redis.Redis) -> None:
    silent(redis_client)
    stray(redis_client, "e1", "e2")
    learned_default(redis_client)
    default = read_status(redis_client, DEFAULT_LOOP, sees_all=False)
    shop = read_status(redis_client, LOOP, sees_all=False)
    assert default is not None
    assert shop is not None
    assert default.orphans == OrphanStatus(2, 2, "e2", "")
    assert not any("shop" in sentence for sentence in default.why)
    (told,) = [sentence for sentence in shop.why if "None of the 100 decisions" in sentence]
    assert "default," not in told
    assert "POST /v1/rewards" in told


def test_features_that_came_too_late_are_named(redis_client: redis.Redis) -> None:
    encoder = DenseEncoder.fitted([(Context({"day": 1.0}), [Action("a", {"topic": "a", "price": 1.0})])])
    closed_log(redis_client)
    Life().run(opened(redis_client, settings("popularity")))
    report = progress.read(redis_client, LOOP, settings("popularity").learning_hash)
    assert report is not None
    late = {"vocabulary: features that came after the encoder was fitted are left out": report.n_learned}
    progress.write(redis_client, msgspec.structs.replace(report, troubles=late))
    status = read_status(redis_client, LOOP, encoder=encoder)
    assert status is not None
    (told,) = [sentence for sentence in status.why if "are left out" in sentence]
    assert "are left out, such as hour, topic='" in told


def test_what_keeps_a_new_lineage_from_taking_over_is_told(redis_client: redis.Redis) -> None:
    before, wanted = settings("popularity"), settings("linear")
    closed_log(redis_client)
    Life().run(opened(redis_client, before))
    apply(redis_client, wanted)
    progress.add_trouble(redis_client, LOOP, wanted.learning_hash, "Learning has failed (no torch).")
    status = read_status(redis_client, LOOP)
    assert status is not None
    assert status.lineage == before.learning_hash
    told = [sentence for sentence in status.why if "What is learned has changed" in sentence]
    assert told == [
        "What is learned has changed, and the new lineage has not taken over yet: Learning has failed (no torch)."
    ]


def test_a_new_lineage_that_nothing_keeps_takes_over_unless_a_version_is_pinned(redis_client: redis.Redis) -> None:
    closed_log(redis_client)
    Life().run(opened(redis_client, settings("popularity")))
    apply(redis_client, settings("linear"))
    assert taking_over(redis_client) == [f"{TAKING_OVER}."]
    snapshots = SnapshotStore(redis_client, LOOP)
    serving = snapshots.serving()
    assert serving is not None
    snapshots.roll_back(serving.version)
    assert taking_over(redis_client) == [f"{TAKING_OVER} once the pinned version is released."]


def taking_over(client: redis.Redis) -> list[str]:
    status = read_status(client, LOOP)
    assert status is not None
    return [sentence for sentence in status.why if "What is learned has changed" in sentence]


def test_features_an_agent_was_trained_with_are_missed_by_name() -> None:
    reason = "unmet: no lesson has 1 of the 1 features that the agent was trained with: clickbait"
    (told,) = explained({reason: 20}, 20)
    assert "clickbait" in told
    assert CURES["unmet"] in told


def of_a_session(client: redis.Redis, n: int, *, ended: bool = False) -> StatusAnswer:
    """What is told of an agent's loop after so many slates of one session."""
    traffic.store_rows(client)
    dice, wanted = random.Random(4), settings("gradient", fit_on=20, block=40, block_minibatch=8, hidden=[4])
    for number in range(n):
        made = traffic.a_decision(dice, f"e{number}", START_MS + number, session="one", deferred=False)
        traffic.write(client, Written(START_MS + number, made))
    if ended:
        traffic.write(client, Written(START_MS + n, SessionEnd("one", START_MS + n)))
    end = START_MS + n + WINDOW_MS + 1
    traffic.write(client, Written(end, Tick(end)))
    life = Life()
    learner = life.run(opened(client, wanted))
    life.now += 3600.0
    life.run(learner)
    status = read_status(client, LOOP)
    assert status is not None
    assert status.serving is not None
    return status


def test_a_session_that_never_ends_is_no_trouble_but_it_is_told_what_waits(redis_client: redis.Redis) -> None:
    status = of_a_session(redis_client, 120)
    assert status.backlog is not None
    assert (status.backlog.n_open, status.backlog.n_sessions, status.backlog.n_finished) == (120, 1, 0)
    assert (status.backlog.n_block, status.backlog.n_blocks) == (40, 0)
    assert not any("Everything logged so far is learned" in sentence for sentence in status.why)
    (told,) = [sentence for sentence in status.why if "120 steps wait in 1 open session" in sentence]
    assert all(part in told for part in ("0 of the 40", "POST /v1/sessions/{session}/end", "options.gap_s"))
    assert status.troubles == {}
    assert msgspec.json.decode(msgspec.json.encode(status), type=Status).backlog == status.backlog


def test_what_has_ended_is_learned_and_nothing_waits(redis_client: redis.Redis) -> None:
    status = of_a_session(redis_client, 120, ended=True)
    assert status.backlog is not None
    assert (status.backlog.n_open, status.backlog.n_finished, status.backlog.n_blocks) == (0, 0, 1)
    assert any("Everything logged so far is learned" in sentence for sentence in status.why)


def test_other_policies_have_no_backlog(redis_client: redis.Redis) -> None:
    closed_log(redis_client)
    Life().run(opened(redis_client, settings("popularity")))
    status = read_status(redis_client, LOOP)
    assert status is not None
    assert status.backlog is None


async def test_over_http_a_loop_waits_then_starts_and_a_bound_key_sees_its_own_alone(service: InProcess) -> None:
    """No learner runs here: what it would report is written for it."""
    await service.make_loop("shop")
    assert await told(service, "shop") == ("waiting", OrphanStatus())
    await service.decided(loop="shop", event_id="e1")
    assert (await told(service, "shop"))[0] == "starting"
    await service.call("POST", "/v1/rewards", {"event_id": "e1", "value": 1.0})
    learned_default(service.redis)
    assert await told(service, "default") == ("alive", OrphanStatus(1, 1, "e1", "shop"))
    bound = service.key("admin", loop="default")
    assert await told(service, "default", key=bound) == ("alive", OrphanStatus(1, 1, "e1", ""))


async def told(service: InProcess, loop: str, key: str | None = None) -> tuple[str, OrphanStatus]:
    response = await service.call("GET", f"/v1/loops/{loop}/status", key=key)
    status = msgspec.json.decode(response.content, type=StatusAnswer)
    return status.learner.state, status.orphans


async def test_over_http_features_are_named_that_the_served_agent_leaves_out(service: InProcess) -> None:
    start = StartStore(service.redis, "shop").put(packed("gradient"))
    policy = {"kind": "gradient", "options": AGENT_OPTIONS, "start": start}
    await service.make_loop("shop", policy=policy)
    stored = LoopStore(service.redis).current("shop")
    assert stored is not None
    learner = Life().run(LearnerLoop(service.redis, "shop", stored))
    await service.replica.loops.refresh()
    await service.decided(loop="shop", actions=[{"id": "a", "features": {"clickbait": 0.5, "stars": 5}}])
    Life().run(learner)
    lineage = stored.settings.learning_hash
    report = progress.read(service.redis, "shop", lineage)
    assert report is not None
    late = {"vocabulary: features that came after the encoder was fitted are left out": 40}
    progress.write(service.redis, msgspec.structs.replace(report, troubles=late))
    why = (await service.call("GET", "/v1/loops/shop/status")).json()["why"]
    assert any("are left out, such as stars (40 times" in sentence for sentence in why)
