"""A loop's items, on a real server."""

from __future__ import annotations

from typing import Any

import redis

from agent import keys
from agent.catalogue import Catalogue


def test_items_are_kept_replaced_and_removed(redis_client: redis.Redis) -> None:
    catalogue = Catalogue(redis_client, "shop")
    assert (catalogue.version(), catalogue.n_items(), catalogue.fetch(["a"])) == (0, 0, {})
    assert catalogue.put({"a": b'{"x":1}', "é b": b"{}"}) == 2
    assert catalogue.put({"a": b'{"x":2}', "c": b"{}"}) == 1
    assert catalogue.fetch(["a", "é b", "nobody", "a"]) == {"a": b'{"x":2}', "é b": b"{}"}
    assert catalogue.version() == 2
    assert catalogue.delete(["a", "nobody"]) == 1
    assert (catalogue.version(), catalogue.n_items()) == (3, 2)
    assert catalogue.fetch(["a"]) == {}


def test_nothing_to_do_changes_nothing(redis_client: redis.Redis) -> None:
    catalogue = Catalogue(redis_client, "shop")
    assert (catalogue.put({}), catalogue.delete([]), catalogue.fetch([])) == (0, 0, {})
    assert redis_client.dbsize() == 0


def test_loops_have_catalogues_of_their_own(redis_client: redis.Redis) -> None:
    Catalogue(redis_client, "one").put({"a": b"{}"})
    assert Catalogue(redis_client, "two").fetch(["a"]) == {}
    assert Catalogue(redis_client, "two").version() == 0


def test_pages_are_bounded_and_complete(redis_client: redis.Redis) -> None:
    items = {f"item-{n}": b'{"n":%d}' % n for n in range(3000)}
    catalogue = Catalogue(redis_client, "shop")
    assert catalogue.put(items) == 3000
    page = catalogue.page(count=100)
    found = dict(page.items)
    while page.cursor:
        assert len(page.items) < 500
        page = catalogue.page(page.cursor, 100)
        found |= page.items
    assert found == items


def test_a_change_is_published(redis_client: redis.Redis) -> None:
    client: Any = redis_client  # its pubsub has no types
    with client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(keys.CHANGES)
        listener.get_message(timeout=1.0)
        Catalogue(redis_client, "shop").put({"a": b"{}"})
        message = listener.get_message(timeout=5.0)
    assert message["data"] == b"shop"
