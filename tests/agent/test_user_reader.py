"""Reading a user's row on the way to a decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from agent import keys, user_reader
from agent.connection import connect_async
from agent.event_log import EventLog
from agent.user_rates import mark_of
from agent.user_reader import PAUSE_S, TURN_S, UserReader, UserUnread
from policies.user_rates import UserRates

LOOP, LINEAGE = "shop", "abc"


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
async def reader(redis_url: str, redis_client: redis.Redis, clock: list[float]) -> AsyncIterator[UserReader]:
    client = connect_async(redis_url)
    log = EventLog(client, timeout_s=0.1)
    await log.open()
    yield UserReader(log.queue, monotonic_s=lambda: clock[0])
    await log.close()
    await client.aclose()


def store(client: redis.Redis, user: str, row: bytes) -> None:
    client.set(keys.user(LOOP, LINEAGE, mark_of(user)), row)


async def test_rows_are_found_by_loop_lineage_and_user(reader: UserReader, redis_client: redis.Redis) -> None:
    row = UserRates()
    row.observe((1, 2), 0.5)
    store(redis_client, "ann", row.to_bytes())
    assert await reader.read(LOOP, LINEAGE, "ann") == row
    assert await reader.read(LOOP, LINEAGE, "bob") is None
    assert await reader.read(LOOP, "other", "ann") is None
    assert await reader.read("other", LINEAGE, "ann") is None


async def test_requests_of_one_turn_each_get_their_own(reader: UserReader, redis_client: redis.Redis) -> None:
    for number in range(40):
        store(redis_client, f"u{number}", UserRates(n=number).to_bytes())
    found = await asyncio.gather(*[reader.read(LOOP, LINEAGE, f"u{number}") for number in range(40)])
    assert [row.n for row in found if row is not None] == list(range(40))


async def test_a_row_is_read_again_after_a_moment(
    reader: UserReader, redis_client: redis.Redis, clock: list[float]
) -> None:
    """At once it is what was read, a row that is not there too; two turns later it is what is stored now."""
    store(redis_client, "ann", UserRates(n=1).to_bytes())
    for when_s in (0.0, 0.9 * TURN_S, 1.5 * TURN_S):
        clock[0] = when_s
        ann, bob = await reader.read(LOOP, LINEAGE, "ann"), await reader.read(LOOP, LINEAGE, "bob")
        assert (ann, bob) == (UserRates(n=1), None)
        store(redis_client, "ann", UserRates(n=2).to_bytes())
        store(redis_client, "bob", UserRates(n=3).to_bytes())
    clock[0] = 2.0 * TURN_S
    assert (await reader.read(LOOP, LINEAGE, "ann"), await reader.read(LOOP, LINEAGE, "bob")) == (
        UserRates(n=2),
        UserRates(n=3),
    )


async def test_after_a_long_pause_nothing_old_is_told(
    reader: UserReader, redis_client: redis.Redis, clock: list[float]
) -> None:
    assert await reader.read(LOOP, LINEAGE, "ann") is None
    store(redis_client, "ann", UserRates(n=2).to_bytes())
    clock[0] = 10.0 * TURN_S
    assert await reader.read(LOOP, LINEAGE, "ann") == UserRates(n=2)


async def test_what_is_remembered_is_bounded(
    reader: UserReader, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_reader, "N_KEPT", 5)
    store(redis_client, "u3", UserRates(n=3).to_bytes())
    found = [await reader.read(LOOP, LINEAGE, f"u{number}") for number in range(40)]
    assert found == [UserRates(n=3) if number == 3 else None for number in range(40)]
    assert len(reader._young) + len(reader._old) <= 10


async def test_a_broken_row_is_done_without(reader: UserReader, redis_client: redis.Redis) -> None:
    store(redis_client, "ann", b"nonsense")
    with pytest.raises(UserUnread, match="user's rates"):
        await reader.read(LOOP, LINEAGE, "ann")
    assert await reader.read(LOOP, LINEAGE, "bob") is None


async def test_a_server_that_hangs_is_waited_for_once_and_then_left_alone_for_a_while(
    reader: UserReader, redis_client: redis.Redis, clock: list[float]
) -> None:
    redis_client.client_pause(300)
    with pytest.raises(UserUnread, match="did not answer within"):
        await reader.read(LOOP, LINEAGE, "ann")
    clock[0] += 0.9 * PAUSE_S
    with pytest.raises(UserUnread, match="lately"):
        await reader.read(LOOP, LINEAGE, "ann")
    redis_client.ping()  # answered when the pause is over
    clock[0] += 0.2 * PAUSE_S
    assert await reader.read(LOOP, LINEAGE, "ann") is None
