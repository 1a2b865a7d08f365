from __future__ import annotations

import redis

from agent import keys
from agent.join import Counters
from agent.progress import Progress, add_trouble, read, write
from agent.variant_stats import VariantSums


def test_a_report_comes_back(redis_client: redis.Redis) -> None:
    said = Progress(
        "shop",
        "abc",
        reported_at=7,
        n_learned=3,
        counters=Counters(late=1, refused={"no such slot": 2}),
        variants={"learned": VariantSums(3, 4, 2.0, 2.0, 3.0, 6)},
        why=("Nothing new.",),
    )
    assert read(redis_client, "shop", "abc") is None
    write(redis_client, said)
    assert read(redis_client, "shop", "abc") == said


def test_trouble_is_added_without_making_the_report_look_new(redis_client: redis.Redis) -> None:
    add_trouble(redis_client, "shop", "abc", "It failed.")
    assert read(redis_client, "shop", "abc") == Progress("shop", "abc", why=("It failed.",))
    write(redis_client, Progress("shop", "abc", reported_at=7, n_learned=3, why=("Old.",)))
    add_trouble(redis_client, "shop", "abc", "It failed.")
    assert read(redis_client, "shop", "abc") == Progress("shop", "abc", reported_at=7, n_learned=3, why=("It failed.",))


def test_a_report_that_cannot_be_read_is_no_report(redis_client: redis.Redis) -> None:
    redis_client.set(keys.progress("shop", "abc"), b'{"loop":"shop","lineage":"abc","lag_s":null}')
    assert read(redis_client, "shop", "abc") is None
    add_trouble(redis_client, "shop", "abc", "It failed.")
    assert read(redis_client, "shop", "abc") == Progress("shop", "abc", why=("It failed.",))
