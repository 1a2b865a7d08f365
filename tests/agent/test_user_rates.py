"""Users' rows: brought up to date exactly once, kept where replicas find them."""

from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from agent import keys
from agent.fencing import Fenced, claim
from agent.loops import LoopSettings, PolicySettings, UserSettings
from agent.records import StreamId
from agent.user_rates import MemoryUsers, RedisUsers, Showing, UserLedger, keep_s, mark_of
from policies.user_rates import UserRates

LOOP, LINEAGE = "shop", "abc"


def lessons(seed: int, n: int) -> list[tuple[StreamId, str, list[Showing]]]:
    dice = random.Random(seed)
    users = ["ann", "bob", "cy"]
    return [
        (StreamId(at // 3, at % 3), dice.choice(users), [Showing((dice.randrange(9),), dice.gauss(0.0, 1.0))])
        for at in range(1, n + 1)
    ]


def told(ledger: UserLedger, some: list[tuple[StreamId, str, list[Showing]]]) -> None:
    for lesson in some:
        ledger.note(*lesson)
    ledger.flush()


def test_rows_hold_every_showing_in_order() -> None:
    store = MemoryUsers()
    told(UserLedger(store), lessons(1, 60))
    for user in ("ann", "bob", "cy"):
        expected = UserRates()
        for id, of, showings in lessons(1, 60):
            if of == user:
                expected.observe(*showings[0])
                expected.position = (id.ms, id.seq)
        assert store.rows[mark_of(user)] == expected.to_bytes()
        assert store.of(user) == expected
    assert store.of("dee") is None


@pytest.mark.parametrize("seed", range(5))
def test_lessons_learned_again_count_once_however_batches_fall(seed: int) -> None:
    """Each life begins again at some lesson before the end of the one before, as after a crash."""
    dice, store, whole, known = random.Random(seed), MemoryUsers(), MemoryUsers(), lessons(seed, 120)
    told(UserLedger(whole), known)
    begin, n_lives = 0, 0
    while begin < len(known):
        ledger, at, n_lives = UserLedger(store), begin, n_lives + 1
        for _ in range(3):
            end = at + dice.randrange(1, 20)
            told(ledger, known[at:end])
            at = min(end, len(known))
        begin = at if at == len(known) else dice.randrange(begin + 1, at + 1)
    assert n_lives > 3
    assert store.rows == whole.rows


def test_a_flush_without_lessons_touches_nothing() -> None:
    class Untouchable(MemoryUsers):
        def read(self, marks: Any) -> Any:
            raise AssertionError

    UserLedger(Untouchable()).flush()


def test_what_failed_to_be_written_stays_gathered() -> None:
    class Failing(MemoryUsers):
        is_away = True

        def write(self, rows: Any) -> None:
            if self.is_away:
                raise redis.ConnectionError
            super().write(rows)

    store, whole = Failing(), MemoryUsers()
    told(UserLedger(whole), lessons(2, 30))
    ledger = UserLedger(store)
    with pytest.raises(redis.ConnectionError):
        told(ledger, lessons(2, 30))
    assert store.rows == {}
    store.is_away = False
    ledger.flush()
    assert store.rows == whole.rows


def test_an_unreadable_row_is_begun_anew() -> None:
    store = MemoryUsers()
    store.rows[mark_of("ann")] = b"nonsense"
    told(UserLedger(store), [(StreamId(5, 0), "ann", [Showing((1,), 0.5)])])
    row = store.of("ann")
    assert row is not None
    assert (row.n, row.position) == (1, (5, 0))


# In the datastore


def test_rows_are_kept_under_a_digest_of_the_name_and_expire(redis_client: redis.Redis) -> None:
    store = RedisUsers(redis_client, claim(redis_client, LOOP, LINEAGE), keep_s=1000)
    told(UserLedger(store), lessons(3, 30))
    key = keys.user(LOOP, LINEAGE, mark_of("ann"))
    row: Any = redis_client.get(key)
    whole = MemoryUsers()
    told(UserLedger(whole), lessons(3, 30))
    assert row == whole.rows[mark_of("ann")]
    assert "ann" not in key
    lasts: Any = redis_client.ttl(key)
    assert 900 < lasts <= 1000
    store.keep_s = 5000
    told(UserLedger(store), lessons(3, 60))
    lasts = redis_client.ttl(key)
    assert 4900 < lasts <= 5000


def test_whoever_lost_the_lineage_writes_nothing(redis_client: redis.Redis) -> None:
    store = RedisUsers(redis_client, claim(redis_client, LOOP, LINEAGE), keep_s=1000)
    claim(redis_client, LOOP, LINEAGE)
    with pytest.raises(Fenced):
        told(UserLedger(store), lessons(4, 30))
    assert store.read([mark_of("ann")]) == [None]


def test_nothing_is_kept_where_nothing_is_to_be_kept(redis_client: redis.Redis) -> None:
    store = RedisUsers(redis_client, claim(redis_client, LOOP, LINEAGE), keep_s=0)
    told(UserLedger(store), lessons(4, 30))
    assert list(redis_client.scan_iter(match="*user*")) == []


def test_how_long_rows_are_kept() -> None:
    assert keep_s(LoopSettings()) == 0
    assert keep_s(LoopSettings(users=UserSettings(keep_days=30))) == 30 * 86_400
    assert keep_s(LoopSettings(users=UserSettings(keep_days=1e-9))) == 1
    assert keep_s(LoopSettings(users=UserSettings(keep_days=0.0))) == 0
    assert keep_s(LoopSettings(policy=PolicySettings(kind="popularity"))) == 0


def test_marks_are_the_same_in_every_process() -> None:
    assert mark_of("u-17") == "a083b24ee327c41c2f516469d684728b"
    assert mark_of("u-18") != mark_of("u-17")
    assert len(mark_of("\udc80")) == 32
