from __future__ import annotations

from typing import Any

import msgspec
import pytest
import redis

from agent import keys
from agent.fencing import Fence, Fenced, claim
from agent.snapshots import (
    LoopSnapshot,
    SnapshotError,
    SnapshotStore,
    in_order,
    is_in_order,
    pack,
    unpack,
    version_of,
)

A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"


def snapshot(n_learned: int, lineage: str = A) -> LoopSnapshot:
    policy = b"weights %d" % n_learned
    version = version_of(lineage, n_learned, policy, b"rates")
    return LoopSnapshot(
        "vw", {"explorer": "bag", "n": 4}, 0.0, 1.0, policy, b"rates", n_learned, "5-0", lineage, version
    )


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        self.ms += 1000
        return self.ms


@pytest.fixture
def store(redis_client: redis.Redis) -> SnapshotStore:
    # The store lists the lineages that settings have begun.
    redis_client.hset(keys.lineages("shop"), mapping={A: "{}", B: "{}"})
    return SnapshotStore(redis_client, "shop", clock_ms=Clock())


@pytest.fixture
def fence(redis_client: redis.Redis) -> Fence:
    return claim(redis_client, "shop", A)


def publish(store: SnapshotStore, fence: Fence, *numbers: int) -> list[str]:
    versions = []
    for number in numbers:
        store.publish(snapshot(number, fence.lineage), fence)
        versions.append(snapshot(number, fence.lineage).version)
    return versions


def test_packed_bytes_come_back_and_damage_is_noticed() -> None:
    data = pack(snapshot(3))
    assert unpack(data) == snapshot(3)
    with pytest.raises(SnapshotError):
        unpack(data[:-1])


def test_the_order_in_its_place_has_learned_nothing_keeps_its_rates_and_is_known_by_its_name() -> None:
    own = snapshot(3)
    ordered = in_order(own)
    assert (ordered.kind, ordered.n_learned, ordered.policy, ordered.rates) == ("order", 0, b"", own.rates)
    assert is_in_order(ordered.version)
    assert not is_in_order(own.version)
    assert ordered.version != in_order(msgspec.structs.replace(own, rates=b"others")).version


def test_a_version_names_lineage_count_and_content() -> None:
    assert version_of(A, 7, b"x", b"y").startswith(f"{A}-7-")
    assert version_of(A, 7, b"x", b"y") == version_of(A, 7, b"x", b"y") != version_of(A, 7, b"xy", b"")


def test_before_the_first_publish_nothing_is_served(store: SnapshotStore) -> None:
    assert store.serving() is None
    assert store.kept() == []
    assert store.release() is None


def test_each_publish_is_served_at_once_and_announced(
    store: SnapshotStore, fence: Fence, redis_client: redis.Redis
) -> None:
    channel: Any = redis_client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py's
    channel.subscribe(keys.CHANGES)
    channel.get_message(timeout=1)
    first, second = publish(store, fence, 1, 2)
    serving = store.serving()
    assert serving is not None
    assert (serving.version, serving.previous, serving.pinned) == (second, first, False)
    assert (serving.lineage, serving.n_learned, serving.published_at) == (A, 2, 1_002_000)
    assert store.load(second) == snapshot(2)
    assert [info.version for info in store.kept()] == [second, first]
    message: Any = channel.get_message(timeout=1)
    assert message["data"] == b"shop"
    channel.close()


def test_a_stale_learner_cannot_publish(store: SnapshotStore, fence: Fence, redis_client: redis.Redis) -> None:
    (first,) = publish(store, fence, 1)
    claim(redis_client, "shop", A)
    with pytest.raises(Fenced):
        store.publish(snapshot(2), fence)
    assert [info.version for info in store.kept()] == [first]


def test_a_rollback_pins_until_released(store: SnapshotStore, fence: Fence) -> None:
    first, second = publish(store, fence, 1, 2)
    pinned = store.roll_back(first)
    assert (pinned.version, pinned.pinned, pinned.previous) == (first, True, second)
    assert store.publish(snapshot(3), fence) is False
    assert store.serving() == pinned
    third = snapshot(3).version
    assert third in [info.version for info in store.kept()]
    released = store.release()
    assert released is not None
    assert (released.version, released.pinned) == (third, False)
    assert store.publish(snapshot(4), fence) is True


def test_a_rollback_to_nothing_changes_nothing(store: SnapshotStore, fence: Fence, redis_client: redis.Redis) -> None:
    first, second = publish(store, fence, 1, 2)
    with pytest.raises(SnapshotError, match="is not kept"):
        store.roll_back("no-such-version")
    redis_client.set(keys.snapshot("shop", first), b"damaged")
    with pytest.raises(SnapshotError, match="not a snapshot"):
        store.roll_back(first)
    serving = store.serving()
    assert serving is not None
    assert serving.version == second


def test_another_lineage_is_kept_but_not_served_until_the_switch(
    store: SnapshotStore, fence: Fence, redis_client: redis.Redis
) -> None:
    (old,) = publish(store, fence, 5)
    newer = claim(redis_client, "shop", B)
    publish(store, newer, 1, 2)
    assert store.publish(snapshot(6), fence) is True
    switched = store.switch_lineage(B)
    assert (switched.lineage, switched.n_learned) == (B, 2)
    assert store.publish(snapshot(7), fence) is False
    assert store.publish(snapshot(3, B), newer) is True
    pinned = store.roll_back(old)
    assert (pinned.lineage, pinned.version) == (B, old)
    released = store.release()
    assert released is not None
    assert released.version == snapshot(3, B).version


def test_a_switch_while_pinned_keeps_the_pinned_version(
    store: SnapshotStore, fence: Fence, redis_client: redis.Redis
) -> None:
    (old,) = publish(store, fence, 5)
    store.roll_back(old)
    publish(store, claim(redis_client, "shop", B), 1)
    switched = store.switch_lineage(B)
    assert (switched.lineage, switched.version, switched.pinned) == (B, old, True)
    released = store.release()
    assert released is not None
    assert released.version == snapshot(1, B).version


def test_a_lineage_without_snapshots_cannot_be_followed(store: SnapshotStore, fence: Fence) -> None:
    publish(store, fence, 1)
    with pytest.raises(SnapshotError, match="no snapshot yet"):
        store.switch_lineage(B)


def test_old_versions_are_thinned_but_never_those_in_use(
    store: SnapshotStore, fence: Fence, redis_client: redis.Redis
) -> None:
    versions = publish(store, fence, *range(1, 30))
    store.roll_back(store.kept()[-1].version)
    pinned = store.serving()
    assert pinned is not None
    versions += publish(store, fence, *range(30, 120))
    kept = [info.version for info in store.kept()]
    assert kept[:5] == versions[:-6:-1]
    assert {pinned.version, pinned.previous} <= set(kept)
    assert 5 + 5 <= len(kept) <= 5 + 8 + 2  # 120 s: about seven doublings
    blobs: Any = redis_client.keys("sl:{shop}:snapshot:*")
    assert {key.decode() for key in blobs} == {keys.snapshot("shop", version) for version in kept}
    assert {redis_client.ttl(key) for key in blobs} == {-1}


def test_a_retired_lineage_is_thinned_as_time_goes_on(redis_client: redis.Redis, fence: Fence) -> None:
    clock = Clock()
    store = SnapshotStore(redis_client, "shop", clock_ms=clock)
    versions = publish(store, fence, *range(1, 8))
    clock.ms += 31 * 86_400_000
    assert store.thin(A) == 1  # the first; the second went when the third doubling had its witness
    assert [info.version for info in store.kept()] == versions[:1:-1]


def test_a_clock_that_was_set_back_makes_nothing_old(redis_client: redis.Redis, fence: Fence) -> None:
    clock = Clock()
    store = SnapshotStore(redis_client, "shop", clock_ms=clock)
    versions = publish(store, fence, *range(1, 8))
    clock.ms -= 600_000
    versions += publish(store, fence, *range(8, 12))
    for version in versions[-4:]:
        assert store.load(version).version == version
    newest = store.newest(A)
    assert newest is not None
    assert newest.version == versions[-1]
    store.roll_back(versions[-2])
    released = store.release()
    assert released is not None
    assert released.version == versions[-1]


def test_serving_survives_the_store(store: SnapshotStore, fence: Fence, redis_client: redis.Redis) -> None:
    publish(store, fence, 1)
    other = SnapshotStore(redis_client, "shop")
    assert other.serving() == store.serving()
    assert msgspec.json.encode(other.serving())
