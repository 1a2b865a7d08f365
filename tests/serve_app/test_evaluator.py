from __future__ import annotations

import asyncio
import logging

import pytest
import redis

from agent.evaluation.findings import Evaluation, EvaluationStore
from agent.loop_store import LoopStore
from agent.loops import LoopSettings
from serve_app.evaluator import Evaluator


def stored(client: redis.Redis, *ids: str) -> EvaluationStore:
    LoopStore(client).apply("x", LoopSettings())
    store = EvaluationStore(client, "x")
    for id in ids:
        store.add(Evaluation(id=id, name="n", start_ms=0, end_ms=10**15, created_ms=1))
    return store


async def ended(evaluator: Evaluator) -> None:
    while evaluator._tasks:
        await asyncio.sleep(0.02)


async def test_each_is_carried_out_in_its_turn(redis_client: redis.Redis, redis_url: str) -> None:
    store = stored(redis_client, "one", "two")
    evaluator = Evaluator(redis_url)
    evaluator.start("x", "one")
    evaluator.start("x", "two")
    await ended(evaluator)
    assert [one.status for one in store.all()] == ["completed", "completed"]


async def test_one_that_fails_or_takes_too_long_is_logged_and_marked(
    redis_client: redis.Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = stored(redis_client, "slow")
    caplog.set_level(logging.ERROR)
    failing, slow = Evaluator("unix:///nowhere"), Evaluator(redis_url, longest_s=0.01)
    failing.start("x", "slow")
    slow.start("x", "slow")
    await ended(failing)
    await ended(slow)
    told = [record.getMessage() for record in caplog.records]
    assert any("failed" in text for text in told)
    assert any("more than 0.01 s" in text for text in told)
    assert any("can't be marked" in text for text in told), "nothing is told where the datastore is away"
    (one,) = store.all()
    assert one.status == "failed"
    assert "evaluate a shorter span" in one.error


async def test_closing_ends_what_is_under_way(redis_client: redis.Redis, redis_url: str) -> None:
    stored(redis_client, "e")
    evaluator = Evaluator(redis_url)
    evaluator.start("x", "e")
    await asyncio.sleep(0.05)
    await evaluator.close()
    assert not evaluator._tasks
