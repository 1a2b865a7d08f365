from __future__ import annotations

from typing import Any

import msgspec
import pytest
import redis

from agent import keys
from agent.checkpoint import N_KEPT, UNREFERENCED_S, Checkpoint, CheckpointStore
from agent.fencing import Fenced, claim
from agent.join import Counters, JoinState
from agent.records import StreamId

LINEAGE = "0123456789ab"
FIRST = Checkpoint(
    LINEAGE,
    1,
    n_learned=7,
    join=JoinState(StreamId(5, 1), StreamId(2, 0), (0, 60_000), Counters(late=3, refused={"no such slot": 2}), 9),
    learner=b"\x00training state",
)


def store(client: redis.Redis) -> CheckpointStore:
    return CheckpointStore(client, claim(client, "shop", LINEAGE))


def blobs(client: redis.Redis) -> list[Any]:
    return sorted(client.keys("sl:{shop}:checkpoint:*"))


def test_a_checkpoint_comes_back_whole(redis_client: redis.Redis) -> None:
    store(redis_client).save(FIRST)
    assert store(redis_client).load() == (FIRST, ())


def test_before_the_first_there_is_none(redis_client: redis.Redis) -> None:
    assert store(redis_client).load() == (None, ())


def test_the_newest_three_are_kept_and_older_ones_deleted(redis_client: redis.Redis) -> None:
    writer = store(redis_client)
    numbers = [writer.save(msgspec.structs.replace(FIRST, n_learned=n)) for n in range(5)]
    kept = [keys.checkpoint("shop", LINEAGE, number).encode() for number in numbers[-N_KEPT:]]
    assert blobs(redis_client) == kept
    assert [redis_client.ttl(key) for key in kept] == [-1] * N_KEPT
    newest = store(redis_client).load().checkpoint
    assert newest is not None
    assert newest.n_learned == 4


def test_a_stale_learner_is_fenced_and_keeps_nothing(redis_client: redis.Redis) -> None:
    stale = store(redis_client)
    stale.save(FIRST)
    current = store(redis_client)
    with pytest.raises(Fenced, match="epoch 1 is over, 2 has begun"):
        stale.save(msgspec.structs.replace(FIRST, n_learned=8))
    assert current.load().checkpoint == FIRST
    left_over = set(blobs(redis_client)) - {keys.checkpoint("shop", LINEAGE, 1 << 24).encode()}
    assert [0 < redis_client.ttl(key) <= UNREFERENCED_S for key in left_over] == [True]


def test_a_claim_between_blob_and_pointer_fences_too(redis_client: redis.Redis) -> None:
    """The transaction is retried because the epoch moved under it, and then finds that its own is over."""
    fence = claim(redis_client, "shop", LINEAGE)
    claimed: list[int] = []

    class Meddling(redis.Redis):
        def transaction(self, func: Any, *watches: Any, **options: Any) -> Any:
            def meddle(pipe: Any) -> None:
                func(pipe)
                if not claimed:
                    claimed.append(claim(redis_client, "shop", LINEAGE).epoch)

            return super().transaction(meddle, *watches, **options)

    with Meddling(connection_pool=redis_client.connection_pool) as client, pytest.raises(Fenced):
        CheckpointStore(client, fence).save(FIRST)
    assert claimed == [2]
    assert redis_client.zcard(keys.checkpoints("shop", LINEAGE)) == 0


@pytest.mark.parametrize("damage", [b"", b"SLCP1short", None])
def test_a_broken_newest_checkpoint_is_reported_and_the_one_before_it_used(
    redis_client: redis.Redis, damage: bytes | None
) -> None:
    writer = store(redis_client)
    writer.save(FIRST)
    broken = keys.checkpoint("shop", LINEAGE, writer.save(msgspec.structs.replace(FIRST, n_learned=8)))
    redis_client.delete(broken) if damage is None else redis_client.set(broken, damage)
    checkpoint, problems = store(redis_client).load()
    assert checkpoint == FIRST
    assert len(problems) == 1


def test_one_changed_byte_is_noticed(redis_client: redis.Redis) -> None:
    writer = store(redis_client)
    key = keys.checkpoint("shop", LINEAGE, writer.save(FIRST))
    data: Any = redis_client.get(key)
    redis_client.set(key, data[:-3] + bytes([data[-3] ^ 4]) + data[-2:])
    assert store(redis_client).load().checkpoint is None


def test_a_checkpoint_of_another_lineage_is_not_taken(redis_client: redis.Redis) -> None:
    store(redis_client).save(msgspec.structs.replace(FIRST, lineage="ffffffffffff"))
    checkpoint, problems = store(redis_client).load()
    assert checkpoint is None
    assert "ffffffffffff" in problems[0]
