"""Features that came too late for an encoder are named from the log's newest decisions."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import redis

from agent import keys
from policies.base import Action, Context
from policies.features import address, canonical
from policies.neural.dense import DenseEncoder
from serve_app.left_out import N_NAMED, N_ROWS, left_out
from tests.agent import traffic
from tests.agent.traffic import LOOP, START_MS, Written

KNOWN = Context({"hour": 3.0, "device": "phone"})
ENCODER = DenseEncoder.fitted([(KNOWN, [Action("a", {"topic": "a", "price": 1.0}), Action("b", {"topic": "b"})])])


def decided(client: redis.Redis, number: int, context: dict[str, object], **row: object) -> None:
    """A decision over six actions that are alike."""
    features = canonical(row)
    stored: dict[Any, Any] = {address(features): features}
    client.hset(keys.features(LOOP), mapping=stored)
    made = traffic.a_decision(
        random.Random(1),
        f"e{number}",
        START_MS + number,
        context=json.dumps(context).encode(),
        feature_keys=6 * address(features),
    )
    traffic.write(client, Written(START_MS + number, made))


def test_names_and_words_that_came_late_are_named(redis_client: redis.Redis) -> None:
    decided(redis_client, 0, {"hour": 4, "device": "watch"}, topic="c", price=2.0)
    assert left_out(redis_client, LOOP, ENCODER) == ["device='watch'", "topic='c'"]
    decided(redis_client, 1, {"hour": 4, "city": "x" * 99, "tags": ["new"]}, topic="a", stars=5)
    named = left_out(redis_client, LOOP, ENCODER)
    assert named == [f"city={'x' * 30!r}", "tags", "stars"]
    assert len(named) == N_NAMED


def test_nothing_is_named_where_all_is_known(redis_client: redis.Redis) -> None:
    assert left_out(redis_client, LOOP, ENCODER) == []
    decided(redis_client, 0, {"hour": 23, "device": "phone"}, topic="b", price=9.0)
    assert left_out(redis_client, LOOP, ENCODER) == []


class Counting(DenseEncoder):
    """Counts what it is asked about."""

    n_asked = 0

    def leaves_out(self, context: Context, actions: Sequence[Action]) -> bool:
        self.n_asked += 1
        return super().leaves_out(context, actions)


def test_a_row_is_asked_about_once_and_as_a_whole(redis_client: redis.Redis) -> None:
    encoder = Counting.fitted([(KNOWN, [Action("a", {"topic": "a", "price": 1.0}), Action("b", {"topic": "b"})])])
    assert isinstance(encoder, Counting)
    for number in range(8):
        decided(redis_client, number, {"hour": number, "device": "phone"}, topic="ab"[number % 2], price=9.0)
    assert left_out(redis_client, LOOP, encoder) == []
    assert encoder.n_asked == 8 + 2, "eight contexts, and two rows in all"


def test_rows_are_looked_at_up_to_a_bound(redis_client: redis.Redis) -> None:
    decided(redis_client, 0, {}, stars=5)
    rows = [canonical({"topic": "a", "price": number}) for number in range(N_ROWS)]
    redis_client.hset(keys.features(LOOP), mapping={address(row): row for row in rows})
    many = traffic.a_decision(
        random.Random(1),
        "many",
        START_MS + 1,
        context=b"{}",
        action_ids=tuple(map(str, range(N_ROWS))),
        feature_keys=b"".join(map(address, rows)),
    )
    traffic.write(redis_client, Written(START_MS + 1, many))
    assert left_out(redis_client, LOOP, ENCODER) == []


def test_rows_that_are_gone_or_broken_are_passed_over(redis_client: redis.Redis) -> None:
    decided(redis_client, 0, {}, stars=5)
    redis_client.delete(keys.features(LOOP))
    broken = traffic.a_decision(random.Random(1), "e1", START_MS + 1, context=b"[1]")
    traffic.write(redis_client, Written(START_MS + 1, broken))
    assert left_out(redis_client, LOOP, ENCODER) == []
