from __future__ import annotations

import redis

from agent import keys
from agent.event_log import FIELD, LogReader
from agent.first_event import first_event_ms
from agent.records import SettingsChange, Tick
from tests.agent import traffic
from tests.agent.traffic import LOOP, START_MS, Written, settings


def changed(client: redis.Redis, n: int) -> None:
    """So many changes of settings, a millisecond apart."""
    for number in range(n):
        at_ms = START_MS + number
        hashed = settings().learning_hash
        traffic.write(client, Written(at_ms, SettingsChange(at_ms, number, hashed)))


def test_changes_of_settings_are_no_event(redis_client: redis.Redis) -> None:
    log = LogReader(redis_client, LOOP)
    assert first_event_ms(log) is None
    changed(redis_client, 3)
    assert first_event_ms(log) is None
    traffic.write(redis_client, Written(START_MS + 7, Tick(START_MS + 7)))
    traffic.write(redis_client, Written(START_MS + 9, Tick(START_MS + 9)))
    assert first_event_ms(log) == START_MS + 7


def test_what_cannot_be_read_is_an_event(redis_client: redis.Redis) -> None:
    redis_client.xadd(keys.log(LOOP), {FIELD: b"\xc1 not a record"}, id="5-0")
    assert first_event_ms(LogReader(redis_client, LOOP)) == 5


def test_a_log_that_lost_its_beginning_or_begins_with_many_settings_has_an_event_of_unknown_time(
    redis_client: redis.Redis,
) -> None:
    redis_client.incr(keys.log_deleted(LOOP))
    assert first_event_ms(LogReader(redis_client, LOOP)) == 0
    redis_client.delete(keys.log_deleted(LOOP))
    changed(redis_client, 100)
    assert first_event_ms(LogReader(redis_client, LOOP)) == 0
