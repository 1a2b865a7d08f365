"""Rewards that went to the wrong loop are counted, found in the loop that decided them, and told with a cure."""

from __future__ import annotations

import random

import redis

from agent import keys
from agent.event_log import server_ms
from agent.join import Counters
from agent.loop_store import LoopStore
from agent.loops import DEFAULT_LOOP, LoopSettings
from agent.progress import Progress
from agent.records import Activation, Reward
from serve_app.latest import N_LATEST
from serve_app.strays import (
    CURE,
    SURE_MS,
    OrphanStatus,
    astray_from,
    orphans_of,
    other_loops,
    told_of_leak,
    told_of_orphans,
    told_of_silence,
)
from tests.agent import traffic
from tests.agent.traffic import Written


def report(n: int, n_lately: int = 0, *, n_learned: int = 0, n_learned_lately: int = 0) -> Progress:
    return Progress(
        DEFAULT_LOOP,
        "l",
        counters=Counters(orphan=n),
        n_orphans_lately=n_lately,
        n_learned=n_learned,
        n_learned_lately=n_learned_lately,
    )


def decided(client: redis.Redis, loop: str, *event_ids: str) -> None:
    for event_id in event_ids:
        client.set(keys.event(loop, event_id), b"1-0:digest")


def fed(client: redis.Redis, loop: str, *event_ids: str, ago_ms: int = 0) -> None:
    at_ms = server_ms(client) - ago_ms
    for event_id in event_ids:
        traffic.write(client, Written(at_ms, Reward(event_id, at_ms, 1.0)), loop)


def test_the_loop_that_decided_the_stray_events_is_found(redis_client: redis.Redis) -> None:
    decided(redis_client, "shop", "s1", "s2")
    decided(redis_client, "news", "n1")
    decided(redis_client, DEFAULT_LOOP, "mine")
    fed(redis_client, DEFAULT_LOOP, "s1", "s2", "n1", "mine")
    now_ms = server_ms(redis_client)
    traffic.write(redis_client, Written(now_ms, Activation("s2", now_ms)), DEFAULT_LOOP)
    found = orphans_of(redis_client, DEFAULT_LOOP, report(4, 3), others=["news", "shop"])
    assert found == OrphanStatus(4, 3, "s2", "shop")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(4, 3), others=["news"]) == OrphanStatus(4, 3, "n1", "news")


def test_other_loops_are_not_told_of_where_they_may_not_be_seen(redis_client: redis.Redis) -> None:
    decided(redis_client, "shop", "s1")
    fed(redis_client, DEFAULT_LOOP, "s1")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(1, 1), others=()) == OrphanStatus(1, 1, "s1")


def test_signed_events_never_stray_and_without_orphans_nothing_is_looked_for(redis_client: redis.Redis) -> None:
    decided(redis_client, "shop", "sl1.k.shop.r.m", "s1")
    fed(redis_client, DEFAULT_LOOP, "sl1.k.shop.r.m")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(1, 1), others=["shop"]) == OrphanStatus(1, 1)
    fed(redis_client, DEFAULT_LOOP, "s1")
    for nothing in (report(0), None):
        assert orphans_of(redis_client, DEFAULT_LOOP, nothing, others=["shop"]) == OrphanStatus()


def test_no_example_is_looked_for_where_none_is_told(redis_client: redis.Redis) -> None:
    decided(redis_client, "shop", "s1")
    fed(redis_client, DEFAULT_LOOP, "s1")
    few = report(50, 2, n_learned=100_000, n_learned_lately=500)
    assert orphans_of(redis_client, DEFAULT_LOOP, few, others=["shop"]) == OrphanStatus(50, 2)
    assert orphans_of(redis_client, DEFAULT_LOOP, report(50), others=["shop"]) == OrphanStatus(50)
    assert astray_from(redis_client, "shop", few) == OrphanStatus(50, 2, "s1", "shop"), "few there are all of this loop"
    assert astray_from(redis_client, "shop", report(50)) == OrphanStatus(50)
    assert astray_from(redis_client, "shop", None) == OrphanStatus()


def test_an_event_that_is_no_longer_remembered_is_not_called_a_stray(redis_client: redis.Redis) -> None:
    """Its key has gone: of old feedback nobody can tell, and of young feedback only where the decision is in sight."""
    fed(redis_client, DEFAULT_LOOP, "own", ago_ms=SURE_MS + 1)
    assert orphans_of(redis_client, DEFAULT_LOOP, report(1, 1), others=()) == OrphanStatus(1, 1)
    at_ms = server_ms(redis_client)
    late = traffic.a_decision(random.Random(3), "late", at_ms)
    traffic.write(redis_client, Written(at_ms, late), DEFAULT_LOOP)
    fed(redis_client, DEFAULT_LOOP, "late")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(1, 1), others=()) == OrphanStatus(1, 1)
    fed(redis_client, DEFAULT_LOOP, "stray")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(1, 1), others=()) == OrphanStatus(1, 1, "stray")


def test_a_loops_strays_are_found_behind_those_of_others(redis_client: redis.Redis) -> None:
    others = [f"n{number}" for number in range(N_LATEST - 1)]
    decided(redis_client, "shop", "s1")
    decided(redis_client, "news", *others)
    fed(redis_client, DEFAULT_LOOP, "s1", *others)
    n = len(others) + 1
    assert astray_from(redis_client, "shop", report(n, n)) == OrphanStatus(n, n, "s1", "shop")


def test_other_loops_begin_with_the_one_that_unnamed_requests_go_to(redis_client: redis.Redis) -> None:
    for name in ("a", "b", DEFAULT_LOOP):
        LoopStore(redis_client).apply(name, LoopSettings())
    assert other_loops(redis_client, "b") == [DEFAULT_LOOP, "a"]
    assert other_loops(redis_client, DEFAULT_LOOP) == ["a", "b"]


def test_orphans_are_told_with_number_example_loop_and_cure() -> None:
    (told,) = told_of_orphans(OrphanStatus(1200, 12, "c-1", "shop"), report(1200, 12))
    assert told == (
        "1,200 rewards name no event of this loop (12 of them in the last 10 minutes of its log, such as 'c-1', "
        f"which the loop shop decided): {CURE}."
    )
    (one,) = told_of_orphans(OrphanStatus(1, 1), report(1, 1))
    assert one.startswith("1 reward names no event of this loop (in the last 10 minutes of its log): ")
    assert "three windows after their decision" in one


def test_a_few_orphans_among_much_that_is_learned_are_counted_and_not_told() -> None:
    healthy = report(50, 2, n_learned=100_000, n_learned_lately=500)
    assert told_of_orphans(OrphanStatus(50, 2), healthy) == []
    gone_wrong = report(50, 40, n_learned=100_000, n_learned_lately=500)
    assert len(told_of_orphans(OrphanStatus(50, 40), gone_wrong)) == 1
    long_ago = report(50, 0, n_learned=400)
    (told,) = told_of_orphans(OrphanStatus(50, 0), long_ago)
    assert "none of them lately" in told
    assert told_of_orphans(OrphanStatus(50, 0), report(50, 0, n_learned=501)) == []
    assert told_of_orphans(OrphanStatus(), None) == []


def test_a_silent_loop_is_told_where_its_rewards_went() -> None:
    def told(elsewhere: OrphanStatus, default: float = 0.0) -> str:
        return told_of_silence(1500, default, loop="shop", elsewhere=elsewhere)

    begins, alone = told(OrphanStatus()).split(": ", 1)
    assert begins == "None of the 1,500 decisions so far got a reward other than the default (0)"
    assert "POST /v1/rewards" in alone
    maybe = told(OrphanStatus(7, 7, "c-1", ""), -0.5)
    assert "default (-0.5); some may have gone to the loop default, as what names no loop does" in maybe
    assert maybe.endswith(f"(7 of all loops' rewards went astray there): {CURE}.")
    assert "'c-1'" not in maybe
    sure = told(OrphanStatus(7, 7, "c-1", "shop"))
    assert "default (0): some rewards of this loop, such as for 'c-1', went to the loop default" in sure
    assert "7" not in sure, "these are of all loops"


def test_a_loop_that_gets_some_rewards_is_told_of_the_others_where_that_is_certain() -> None:
    (told,) = told_of_leak("shop", OrphanStatus(7, 7, "c-1", "shop"))
    assert told == (
        "Some rewards of this loop, such as for 'c-1', went to the loop default in the last ten minutes, "
        f"as what names no loop does: {CURE}."
    )
    for elsewhere in (OrphanStatus(), OrphanStatus(7, 7, "c-1"), OrphanStatus(7, 7, "c-1", "news")):
        assert told_of_leak("shop", elsewhere) == []
