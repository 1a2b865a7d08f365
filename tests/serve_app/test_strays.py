"""Rewards that went to the wrong loop are counted, found in the loop that decided them, and told with a cure."""

from __future__ import annotations

import redis

from agent import keys
from agent.join import Counters
from agent.loop_store import LoopStore
from agent.loops import DEFAULT_LOOP, LoopSettings
from agent.progress import Progress
from agent.records import Activation, Reward
from serve_app.strays import CURE, OrphanStatus, orphans_of, other_loops, told_of_leak, told_of_orphans, told_of_silence
from tests.agent import traffic
from tests.agent.traffic import START_MS, Written


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


def fed(client: redis.Redis, loop: str, *event_ids: str) -> None:
    for event_id in event_ids:
        traffic.write(client, Written(START_MS, Reward(event_id, START_MS, 1.0)), loop)


def test_the_loop_that_decided_the_stray_events_is_found(redis_client: redis.Redis) -> None:
    decided(redis_client, "shop", "s1", "s2")
    decided(redis_client, "news", "n1")
    decided(redis_client, DEFAULT_LOOP, "mine")
    fed(redis_client, DEFAULT_LOOP, "s1", "s2", "n1", "mine")
    traffic.write(redis_client, Written(START_MS, Activation("s2", START_MS)), DEFAULT_LOOP)
    found = orphans_of(redis_client, DEFAULT_LOOP, report(4, 3), others=["news", "shop"])
    assert found == OrphanStatus(4, 3, "s2", "shop")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(4, 3), others=["news"]) == OrphanStatus(4, 3, "n1", "news")


def test_other_loops_are_not_told_of_where_they_may_not_be_seen(redis_client: redis.Redis) -> None:
    decided(redis_client, "shop", "s1")
    fed(redis_client, DEFAULT_LOOP, "s1")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(1), others=()) == OrphanStatus(1, 0, "s1")


def test_signed_events_never_stray_and_without_orphans_nothing_is_looked_for(redis_client: redis.Redis) -> None:
    decided(redis_client, "shop", "sl1.k.shop.r.m", "s1")
    fed(redis_client, DEFAULT_LOOP, "sl1.k.shop.r.m")
    assert orphans_of(redis_client, DEFAULT_LOOP, report(1), others=["shop"]) == OrphanStatus(1)
    fed(redis_client, DEFAULT_LOOP, "s1")
    for nothing in (report(0), None):
        assert orphans_of(redis_client, DEFAULT_LOOP, nothing, others=["shop"]) == OrphanStatus()


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
    assert one.startswith("1 reward names no event of this loop (all in the last 10 minutes of its log): ")
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
    assert "default (-0.5), and 7 rewards name no event of the loop default" in maybe
    assert maybe.endswith(f": {CURE}.")
    assert "'c-1'" not in maybe
    assert "('c-1' is an event of this loop)" in told(OrphanStatus(7, 7, "c-1", "shop"))


def test_a_loop_that_gets_some_rewards_is_told_of_the_others_where_that_is_certain() -> None:
    (told,) = told_of_leak("shop", OrphanStatus(7, 7, "c-1", "shop"))
    assert told == (
        "Rewards of this loop go astray: 7 rewards name no event of the loop default, where what names no loop goes "
        f"('c-1' is an event of this loop): {CURE}."
    )
    for elsewhere in (OrphanStatus(), OrphanStatus(7, 7, "c-1"), OrphanStatus(7, 0, "c-1", "shop")):
        assert told_of_leak("shop", elsewhere) == []
