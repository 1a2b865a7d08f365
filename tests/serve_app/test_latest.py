from __future__ import annotations

import redis

from agent import keys
from agent.event_log import FIELD
from agent.records import Tick
from serve_app.latest import N_LATEST, latest
from tests.agent import traffic
from tests.agent.traffic import LOOP, START_MS, Written


def test_the_newest_records_come_first_and_no_more_than_needed(redis_client: redis.Redis) -> None:
    for number in range(N_LATEST + 5):
        traffic.write(redis_client, Written(START_MS + number, Tick(START_MS + number)))
    found = [record.clock_ms for record in latest(redis_client, LOOP)]
    assert found == [START_MS + 4 + N_LATEST - number for number in range(N_LATEST)]


def test_what_cannot_be_read_is_passed_over(redis_client: redis.Redis) -> None:
    redis_client.xadd(keys.log(LOOP), {FIELD: b"\xc1 not a record"})
    redis_client.xadd(keys.log(LOOP), {b"stranger": b"1"})
    assert list(latest(redis_client, LOOP)) == []
    assert list(latest(redis_client, "none")) == []
