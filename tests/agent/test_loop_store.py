"""Settings as stored, on a real server."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import redis

from agent import keys
from agent.connection import connect
from agent.event_log import LogReader
from agent.loop_store import LoopStore, StoredSettings
from agent.loops import LoopSettings, PolicySettings, RewardSettings, SettingsError
from agent.records import ZERO, SettingsChange

PLAIN = LoopSettings()
OTHER_FLOOR = LoopSettings(floor=0.5)
OTHER_WINDOW = LoopSettings(reward=RewardSettings(window_s=5.0))


def _changes(client: redis.Redis, loop: str) -> list[tuple[int, str]]:
    records = [entry.record for entry in LogReader(client, loop).read(ZERO, 1000)]
    return [(record.version, record.learning_hash) for record in records if isinstance(record, SettingsChange)]


def test_nothing_is_there_at_first(redis_client: redis.Redis) -> None:
    store = LoopStore(redis_client)
    assert (store.names(), store.current("x"), store.versions("x"), store.lineages("x")) == ([], None, [], [])


def test_versions_are_made_only_by_differences(redis_client: redis.Redis) -> None:
    store = LoopStore(redis_client)
    applied = [store.apply("shop", settings) for settings in (PLAIN, PLAIN, OTHER_FLOOR, OTHER_FLOOR, PLAIN)]
    assert [stored.version for stored in applied] == [1, 1, 2, 2, 3]
    assert store.versions("shop") == [(1, PLAIN), (2, OTHER_FLOOR), (3, PLAIN)]
    assert store.current("shop") == (3, PLAIN)
    assert _changes(redis_client, "shop") == [(version, PLAIN.learning_hash) for version in (1, 2, 3)]
    assert store.names() == ["shop"]


def test_a_lineage_begins_with_a_new_learning_hash(redis_client: redis.Redis) -> None:
    store = LoopStore(redis_client)
    for settings in (PLAIN, OTHER_FLOOR, OTHER_WINDOW):
        store.apply("shop", settings)
    assert [(each.lineage, each.settings_version) for each in store.lineages("shop")] == [
        (PLAIN.learning_hash, 1),
        (OTHER_WINDOW.learning_hash, 3),
    ]
    store.apply("shop", PLAIN)
    assert [each.lineage for each in store.lineages("shop")] == [OTHER_WINDOW.learning_hash, PLAIN.learning_hash]
    assert all(each.since.endswith("+00:00") for each in store.lineages("shop"))


def test_a_version_that_cannot_be_read_any_more_is_passed_over(redis_client: redis.Redis) -> None:
    store = LoopStore(redis_client)
    for settings in (PLAIN, OTHER_FLOOR, OTHER_WINDOW):
        store.apply("shop", settings)
    redis_client.hset(keys.settings("shop"), "1", '{"gone": 1}')
    redis_client.hset(keys.settings("shop"), "2", "no JSON")
    assert store.versions("shop") == [(3, OTHER_WINDOW)]


def test_a_change_is_published(redis_client: redis.Redis) -> None:
    client: Any = redis_client  # its pubsub has no types
    with client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(keys.CHANGES)
        listener.get_message(timeout=1.0)
        LoopStore(redis_client).apply("shop", PLAIN)
        message = listener.get_message(timeout=5.0)
    assert message["data"] == b"shop"


def test_of_two_edits_at_once_neither_is_lost(redis_client: redis.Redis) -> None:
    """The second one begins while the first one is being thought about, and ends before it."""
    store = LoopStore(redis_client)
    store.apply("shop", PLAIN)
    seen: list[StoredSettings | None] = []

    def slow(before: StoredSettings | None) -> LoopSettings:
        seen.append(before)
        if len(seen) == 1:
            store.update("shop", lambda now: now.settings.model_copy(update={"salt": "s"}) if now else PLAIN)
        assert before is not None
        return before.settings.model_copy(update={"floor": 0.5})

    assert store.update("shop", slow).settings == LoopSettings(salt="s", floor=0.5)
    assert [one.version for one in seen if one] == [1, 2]


def test_an_edit_that_fails_changes_nothing(redis_client: redis.Redis) -> None:
    store = LoopStore(redis_client)

    def refused(before: StoredSettings | None) -> LoopSettings:
        raise KeyError(before)

    with pytest.raises(KeyError, match="None"):
        store.update("shop", refused)
    assert redis_client.dbsize() == 0


@pytest.mark.parametrize("name", ["", "Shop", "a b", "x" * 65, "shop\n", "{x}"])
def test_a_bad_name_is_refused_and_nothing_stored(redis_client: redis.Redis, name: str) -> None:
    with pytest.raises(SettingsError, match="1 to 64"):
        LoopStore(redis_client).apply(name, PLAIN)
    assert redis_client.dbsize() == 0


def test_the_default_loop_is_made_once(redis_client: redis.Redis) -> None:
    store = LoopStore(redis_client)
    assert store.ensure_default() == (1, PLAIN)
    store.apply("default", OTHER_FLOOR)
    assert store.ensure_default() == (2, OTHER_FLOOR)
    assert store.names() == ["default"]


@pytest.mark.parametrize("kind", ["vw", "linear"])
def test_a_stored_loop_names_its_policy_so_another_default_changes_nothing(
    redis_client: redis.Redis, kind: str
) -> None:
    store = LoopStore(redis_client)
    made = store.apply("shop", LoopSettings(policy=PolicySettings(kind=kind)))
    text: Any = redis_client.hget(keys.settings("shop"), "1")
    assert json.loads(text)["policy"] == {"kind": kind, "options": {}, "start": ""}
    assert store.current("shop") == made
    store.apply("default", LoopSettings(policy=PolicySettings(kind=kind)))
    assert store.ensure_default().settings.policy.kind == kind


def test_applying_at_once_makes_one_version_after_the_other(redis_url: str, redis_client: redis.Redis) -> None:
    settings = [LoopSettings(floor=n / 100) for n in range(1, 13)]

    def apply(some: list[LoopSettings]) -> None:
        with connect(redis_url) as client:
            for each in some:
                LoopStore(client).apply("shop", each)

    threads = [threading.Thread(target=apply, args=(settings[n::3],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = LoopStore(redis_client).versions("shop")
    assert [stored.version for stored in versions] == list(range(1, 13))
    assert {stored.settings.floor for stored in versions} == {each.floor for each in settings}
    assert [version for version, _ in _changes(redis_client, "shop")] == list(range(1, 13))
