"""Appending and reading, on real servers: the bundled Valkey, and the machine's own redis-server where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from agent import event_log, keys
from agent.connection import connect, connect_async
from agent.datastore import Datastore, DatastoreSettings, open_datastore
from agent.event_log import EventConflict, EventLog, LogReader, LogUnavailable, append, server_ms
from agent.records import ZERO, Activation, Decision, Record, Reward, SlotRecord, StreamId, Tick
from agent.server_binary import bundled_path
from tests.conftest import emptied

KEY = b"k" * 12
ROWS = {KEY: b'{"topic":"sport"}'}
DECISION = Decision(
    event_id="mine-1",
    clock_ms=1,
    window_ms=60_000,
    variant="learned",
    policy="uniform",
    version="",
    seed=7,
    context=b"{}",
    action_ids=("a",),
    feature_keys=KEY,
    slots=(SlotRecord("top"),),
    chosen=(0,),
    propensities=(1.0,),
)


@pytest.fixture(params=["bundled", "redis-server"])
def redis_url(request: pytest.FixtureRequest, server_of: Callable[..., str]) -> str:
    program = bundled_path() if request.param == "bundled" else shutil.which(request.param)
    if program is None:
        pytest.skip(f"{request.param} is not on PATH")
    return emptied(server_of(Path(program)))


@pytest.fixture
async def log(redis_url: str) -> AsyncIterator[EventLog]:
    async with _opened(redis_url) as opened:
        yield opened


class _opened:  # noqa: N801 - reads as a verb
    """An event log that is open in between, with a client of its own, as each replica has."""

    def __init__(self, url: str, *, timeout_s: float = 5.0) -> None:
        self._client = connect_async(url)
        self._log = EventLog(self._client, timeout_s=timeout_s)

    async def __aenter__(self) -> EventLog:
        await self._log.open()
        return self._log

    async def __aexit__(self, *_: object) -> None:
        await self._log.close()
        await self._client.aclose()


def _reward(number: int) -> Reward:
    return Reward("e", 1, float(number))


async def test_what_is_appended_is_read_in_order(log: EventLog, redis_client: redis.Redis) -> None:
    records: list[Record] = [DECISION, _reward(1), Activation("e", 2), Tick(3)]
    ids = [await log.append("one", record) for record in records]
    entries = LogReader(redis_client, "one").read(ZERO, 10)
    assert [entry.record for entry in entries] == records
    assert [entry.id for entry in entries] == ids == sorted(ids)


async def test_concurrent_appends_each_get_their_own_id(log: EventLog, redis_client: redis.Redis) -> None:
    ids = await asyncio.gather(*(log.append("one", _reward(n)) for n in range(1500)))
    entries = LogReader(redis_client, "one").read(ZERO, 2000)
    assert [entry.id for entry in entries] == ids
    assert [entry.record for entry in entries] == [_reward(n) for n in range(1500)]


async def test_appends_of_one_tick_leave_in_one_write(log: EventLog, redis_client: redis.Redis) -> None:
    def n_reads() -> int:
        stats = redis_client.info("stats")
        return int(stats["total_reads_processed"])

    before = n_reads()
    await asyncio.gather(*(log.append("one", _reward(n)) for n in range(200)))
    assert n_reads() - before <= 10  # a reader may need a few for one write; 200 would be one each


async def test_rows_are_stored_once_for_each_connection(log: EventLog, redis_client: redis.Redis) -> None:
    reader = LogReader(redis_client, "one")
    await log.append("one", DECISION, ROWS)
    assert reader.rows([KEY, b"?" * 12]) == ROWS

    redis_client.delete(keys.features("one"))
    await log.append("one", DECISION, ROWS)
    assert reader.rows([KEY]) == {}, "a row known to be stored is not sent again"

    redis_client.client_kill_filter(skipme=True)
    await asyncio.sleep(0.01)  # the connection's end is there to be read; let the event loop read it
    await log.append("one", DECISION, ROWS)
    assert reader.rows([KEY]) == ROWS, "after a lost connection nothing is taken for stored"


async def test_rows_of_one_loop_are_not_taken_for_another_s(log: EventLog, redis_client: redis.Redis) -> None:
    for loop in ("one", "two"):
        await log.append(loop, DECISION, ROWS)
        assert LogReader(redis_client, loop).rows([KEY]) == ROWS


async def test_forgetting_known_rows_loses_none(
    log: EventLog, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "N_KNOWN_ROWS", 3)
    rows = {b"%012d" % n: b"{}" for n in range(10)}
    for key in rows:
        await log.append("one", DECISION, {key: b"{}"})
    assert LogReader(redis_client, "one").rows(rows) == rows


async def test_a_full_server_stores_nothing_and_says_so(log: EventLog, redis_client: redis.Redis) -> None:
    await log.append("one", _reward(0))
    redis_client.config_set("maxmemory", "1")
    for attempt in (
        log.append("one", DECISION),
        log.append("one", DECISION, ROWS),
        log.append_once("one", DECISION, body_digest=b"d", rows=ROWS),
    ):
        with pytest.raises(LogUnavailable, match="maxmemory"):
            await attempt
    redis_client.config_set("maxmemory", "0")
    assert LogReader(redis_client, "one").n_entries() == 1
    assert redis_client.keys("*") == [keys.log("one").encode()]
    assert not (await log.append_once("one", DECISION, body_digest=b"d", rows=ROWS)).is_repeat
    assert LogReader(redis_client, "one").rows([KEY]) == ROWS


async def test_one_refused_command_fails_alone(log: EventLog, redis_client: redis.Redis) -> None:
    redis_client.set(keys.log("broken"), "not a stream")
    outcomes = await asyncio.gather(
        *(log.append("broken" if n == 5 else "one", _reward(n)) for n in range(10)), return_exceptions=True
    )
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, LogUnavailable)] == [5]
    kept = [entry.record for entry in LogReader(redis_client, "one").read(ZERO, 20)]
    assert kept == [_reward(n) for n in range(10) if n != 5]


async def test_a_caller_that_gives_up_disturbs_nobody(log: EventLog, redis_client: redis.Redis) -> None:
    impatient = asyncio.ensure_future(log.append("one", _reward(0)))
    patient = asyncio.ensure_future(log.append("one", _reward(1)))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == LogReader(redis_client, "one").last_id()


async def test_a_repeat_gets_the_logged_decision(redis_url: str, redis_client: redis.Redis) -> None:
    other = msgspec.structs.replace(DECISION, seed=8, variant="uniform")
    async with _opened(redis_url) as one, _opened(redis_url) as two:
        first = await one.append_once("one", DECISION, body_digest=b"same:body", rows=ROWS)
        again = await two.append_once("one", other, body_digest=b"same:body", rows=ROWS)
    assert (first.decision, first.is_repeat) == (DECISION, False)
    assert again == (first.id, DECISION, True)
    assert LogReader(redis_client, "one").n_entries() == 1


async def test_an_event_id_for_another_request_is_a_conflict(log: EventLog, redis_client: redis.Redis) -> None:
    await log.append_once("one", DECISION, body_digest=b"a")
    with pytest.raises(EventConflict, match="mine-1"):
        await log.append_once("one", DECISION, body_digest=b"b")
    assert LogReader(redis_client, "one").n_entries() == 1
    assert not (await log.append_once("two", DECISION, body_digest=b"b")).is_repeat, "loops have ids of their own"


async def test_a_repeat_whose_decision_has_left_the_log_is_a_conflict(log: EventLog, redis_client: redis.Redis) -> None:
    first = await log.append_once("one", DECISION, body_digest=b"a")
    redis_client.xdel(keys.log("one"), str(first.id))
    with pytest.raises(EventConflict, match="left the log"):
        await log.append_once("one", DECISION, body_digest=b"a")


async def test_event_ids_are_kept_for_two_windows(log: EventLog, redis_client: redis.Redis) -> None:
    for window_ms in (1000, 86_400_000):
        decision = msgspec.structs.replace(DECISION, event_id=f"e{window_ms}", window_ms=window_ms)
        await log.append_once("one", decision, body_digest=b"a")
        assert redis_client.pttl(keys.event("one", decision.event_id)) >= 2 * window_ms - 1000


async def test_replicas_with_the_same_ids_at_once_log_each_id_once(redis_url: str, redis_client: redis.Redis) -> None:
    async with _opened(redis_url) as one, _opened(redis_url) as two:
        decisions = [msgspec.structs.replace(DECISION, event_id=f"e{n}") for n in range(100)]
        answers = await asyncio.gather(
            *(log.append_once("one", d, body_digest=b"d", rows=ROWS) for d in decisions for log in (one, two, one))
        )
    assert LogReader(redis_client, "one").n_entries() == 100
    for n in range(100):
        same = answers[3 * n : 3 * n + 3]
        assert len({answer.id for answer in same}) == 1
        assert sorted(answer.is_repeat for answer in same) == [False, True, True]


async def test_scripts_that_a_server_forgot_are_sent_again(log: EventLog, redis_client: redis.Redis) -> None:
    for n in range(3):
        redis_client.script_flush()
        decisions = [msgspec.structs.replace(DECISION, event_id=f"e{n}-{i}") for i in range(5)]
        once = [log.append_once("one", decision, body_digest=b"d", rows=ROWS) for decision in decisions]
        fresh = {b"%012d" % n: b"{}"}
        await asyncio.gather(log.append("one", DECISION, fresh), *once, log.append("one", DECISION))
    assert LogReader(redis_client, "one").n_entries() == 3 * 7


async def test_an_unreadable_entry_keeps_its_place(log: EventLog, redis_client: redis.Redis) -> None:
    await log.append("one", _reward(1))
    redis_client.xadd(keys.log("one"), {"r": b"\xc1 not a record"})
    redis_client.xadd(keys.log("one"), {"something": "else"})
    last = await log.append("one", _reward(2))
    entries = LogReader(redis_client, "one").read(ZERO, 10)
    assert [entry.record for entry in entries] == [_reward(1), None, None, _reward(2)]
    assert entries[-1].id == last


def test_reading_goes_on_after_a_position(redis_client: redis.Redis) -> None:
    reader = LogReader(redis_client, "one")
    assert (reader.last_id(), reader.n_entries(), reader.read(ZERO, 10), reader.rows([])) == (ZERO, 0, [], {})
    ids = [append(redis_client, "one", _reward(n)) for n in range(7)]
    found, position = [], ZERO
    while entries := reader.read(position, 3):
        assert len(entries) <= 3
        found += [entry.id for entry in entries]
        position = entries[-1].id
    assert found == ids
    assert (reader.last_id(), reader.n_entries()) == (ids[-1], 7)
    assert reader.n_bytes() > 0


async def test_the_log_s_clock_is_the_server_s(log: EventLog, redis_client: redis.Redis) -> None:
    before = server_ms(redis_client)
    clock_ms = log.clock_ms()
    after = server_ms(redis_client)
    assert before - 1000 <= clock_ms <= after + 1000
    assert isinstance(await log.append("one", Tick(clock_ms)), StreamId)


async def test_an_entry_that_waited_is_dated_when_it_is_sent(
    log: EventLog, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue stands still while ten seconds pass."""
    elapsed = [event_log._elapsed_ms()]
    monkeypatch.setattr(event_log, "_elapsed_ms", lambda: elapsed[0])
    waiting = [
        asyncio.ensure_future(log.append("one", _reward(0))),
        asyncio.ensure_future(log.append_once("one", DECISION, body_digest=b"d", rows=ROWS)),
    ]
    await asyncio.sleep(0)
    elapsed[0] += 10_000
    await asyncio.gather(*waiting)
    await log.append("one", _reward(1))
    clocks = [entry.record.clock_ms for entry in LogReader(redis_client, "one").read(ZERO, 9) if entry.record]
    assert clocks == [10_001, 10_001, 1]


async def test_a_decision_with_an_id_of_its_own_renews_the_clock_too(log: EventLog) -> None:
    log._anchored_ms -= 2 * event_log._ANCHOR_MS
    log._server_ahead_ms = 0
    await log.append_once("one", DECISION, body_digest=b"d", rows=ROWS)
    assert log._server_ahead_ms != 0


async def test_a_log_that_is_not_open_refuses(redis_url: str) -> None:
    client = connect_async(redis_url)
    log = EventLog(client)
    with pytest.raises(LogUnavailable, match="not open"):
        await log.append("one", _reward(1))
    await log.open()
    pending = asyncio.ensure_future(log.append("one", _reward(1)))
    await asyncio.sleep(0)
    await log.close()
    assert await pending, "what was under way is finished"
    with pytest.raises(LogUnavailable, match="not open"):
        await log.append("one", _reward(2))
    await client.aclose()


async def test_opening_without_a_server_fails(tmp_path: Path) -> None:
    client = connect_async(f"unix://{tmp_path}/nobody")
    with pytest.raises(LogUnavailable, match="not reachable"):
        await EventLog(client).open()


@pytest.fixture
def own_server(quick_disk: Path) -> Iterator[Datastore]:
    """A supervised server of the test's own."""
    folder = Path(tempfile.mkdtemp(dir=quick_disk))
    with open_datastore(DatastoreSettings(data_dir=folder)) as datastore:
        yield datastore


def _signal(server: Datastore, number: int) -> None:
    assert server.pid is not None
    os.kill(server.pid, number)


async def test_a_server_that_hangs_fails_its_waiters_and_is_used_again(own_server: Datastore) -> None:
    async with _opened(own_server.url, timeout_s=0.2) as opened:
        await opened.append("one", _reward(0))
        _signal(own_server, signal.SIGSTOP)
        with pytest.raises(LogUnavailable, match=r"within 0\.2 s"):
            await opened.append("one", _reward(1))
        _signal(own_server, signal.SIGCONT)
        after = await opened.append("one", _reward(2))
    with connect(own_server.url) as client:
        assert LogReader(client, "one").last_id() == after


async def test_appends_wait_for_a_restarting_server(own_server: Datastore) -> None:
    async with _opened(own_server.url) as opened:
        before = await opened.append("one", _reward(0))
        _signal(own_server, signal.SIGKILL)
        await asyncio.sleep(0.01)  # let the event loop read that the connection has ended
        assert await opened.append("one", _reward(1)) > before


async def test_what_was_acknowledged_survives_a_killed_server(own_server: Datastore) -> None:
    acknowledged: dict[int, StreamId] = {}
    numbers = itertools.count()
    n_kills = 3

    async def write(opened: EventLog) -> None:
        while len(acknowledged) < 1000 * (n_kills + 1):
            number = next(numbers)
            with contextlib.suppress(LogUnavailable):
                acknowledged[number] = await opened.append("one", _reward(number), {b"%012d" % number: b"{}"})

    async def kill() -> None:
        for n in range(n_kills):
            while len(acknowledged) < 1000 * (n + 1) or own_server.n_restarts < n:
                await asyncio.sleep(0.001)
            _signal(own_server, signal.SIGKILL)

    async with _opened(own_server.url) as opened:
        await asyncio.gather(kill(), *(write(opened) for _ in range(32)))

    with connect(own_server.url) as client:
        reader = LogReader(client, "one")
        entries = reader.read(ZERO, 100_000)
        rows = reader.rows(b"%012d" % number for number in acknowledged)
    stored = [(int(entry.record.value), entry.id) for entry in entries if isinstance(entry.record, Reward)]
    assert len(stored) == len({number for number, _ in stored}), "nothing is stored twice"
    assert acknowledged.items() <= dict(stored).items(), "everything acknowledged is stored, where it was said to be"
    assert len(rows) == len(acknowledged), "with its feature rows"
