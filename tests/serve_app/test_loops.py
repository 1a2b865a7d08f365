from __future__ import annotations

from typing import Any

import pytest

from agent.event_log import LogReader
from tests.serve_app.conftest import InProcess


async def test_a_loop_is_made_changed_and_read_with_its_versions(service: InProcess) -> None:
    made = (await service.call("PUT", "/v1/loops/shop", {"reward": {"window_s": 5}})).json()
    assert (made["loop"], made["version"], made["settings"]["reward"]["window_s"]) == ("shop", 1, 5.0)
    assert (await service.call("PUT", "/v1/loops/shop", {"reward": {"window_s": 5}})).json()["version"] == 1
    changed = (await service.call("PUT", "/v1/loops/shop", {"floor": 0.1})).json()
    assert changed["version"] == 2
    assert changed["learning_hash"] != made["learning_hash"]
    assert (await service.call("GET", "/v1/loops/shop")).json() == changed
    versions = (await service.call("GET", "/v1/loops/shop/versions")).json()["versions"]
    assert versions == [made, changed]
    loops = (await service.call("GET", "/v1/loops")).json()["loops"]
    assert loops == [{"loop": "default", "version": 1}, {"loop": "shop", "version": 2}]


async def test_settings_act_at_once(service: InProcess) -> None:
    await service.make_loop("x", variants={"uniform": 1.0})
    assert (await service.decided(loop="x"))["variant"] == "uniform"
    await service.make_loop("x", variants={"order": 1.0}, limits={"actions": 2})
    assert (await service.decided(loop="x", actions=["a", "b"]))["variant"] == "order"
    assert (await service.slate(loop="x")).status_code == 422


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"policy": {"kind": "magic"}, "floor": 0.1}, ["policy.kind"]),
        ({"policy": {"kind": "vw", "options": {"nonsense": 1}}}, ["policy.options.nonsense"]),
        ({"variants": {"learned": 0.5, "vw": 0.5}}, ["variants.vw"]),
        ({"floor": 2, "publish_every_s": 0, "nonsense": 1}, ["floor", "publish_every_s", "nonsense"]),
        ([], [""]),
    ],
)
async def test_wrong_settings_list_every_problem(service: InProcess, settings: Any, named: list[str]) -> None:
    response = await service.call("PUT", "/v1/loops/x", settings)
    assert response.status_code == 422, response.text
    assert all(name in response.json()["detail"] for name in named), response.text
    assert (await service.call("GET", "/v1/loops/x")).status_code == 404


async def test_a_bad_name_is_refused(service: InProcess) -> None:
    assert (await service.call("PUT", "/v1/loops/Bad%20Name", {})).status_code == 422


async def test_an_admin_who_misspelt_a_loop_is_told_which_exist_and_others_are_not(service: InProcess) -> None:
    await service.make_loop("shop")
    told = await service.slate(loop="shpo")
    assert told.status_code == 404
    assert "default, shop" in told.json()["detail"]
    other = await service.call("POST", "/v1/slates", {"actions": ["a"], "loop": "shpo"}, key=service.key("decide"))
    assert other.status_code == 404
    assert "shop" not in other.text.replace("shpo", "")


async def test_an_admin_who_asks_of_a_misspelt_loop_is_told_which_was_meant(service: InProcess) -> None:
    await service.make_loop("shop")
    for path in ("/v1/loops/shpo/status", "/v1/loops/shpo/snapshots"):
        told = await service.call("GET", path)
        assert told.status_code == 404
        assert told.json()["detail"].endswith("these exist: default, shop (did you mean shop?)")
    bound = await service.call("GET", "/v1/loops/shpo/status", key=service.key("admin", loop="shpo"))
    assert bound.status_code == 404
    assert "these exist" not in bound.text


async def test_a_log_is_deleted_no_further_than_it_was_learned(service: InProcess) -> None:
    await service.decided()
    told = (await service.call("DELETE", "/v1/loops/default/log")).json()
    assert (told["deleted"], told["first"]) == (0, str(LogReader(service.redis, "default").first_id()))
    assert "no checkpoint yet" in told["why"]
    assert (await service.call("DELETE", "/v1/loops/none/log")).status_code == 404
    assert (await service.call("DELETE", "/v1/loops/default/log", key=service.key("decide"))).status_code == 403


async def test_the_catalogue_is_paged_and_checked(service: InProcess) -> None:
    items = [{"id": f"i/{n}", "features": {"n": n}} for n in range(5)]
    stored = await service.call("PUT", "/v1/loops/default/items", {"items": items})
    assert stored.json() == {"stored": 5, "new": 5}
    found, cursor = [], 0
    while True:
        page = (await service.call("GET", f"/v1/loops/default/items?cursor={cursor}&count=2")).json()
        found += page["items"]
        cursor = page["cursor"]
        if not cursor:
            break
    assert sorted(found, key=lambda item: item["id"]) == items
    assert (await service.call("DELETE", "/v1/loops/default/items/i%2F0")).json() == {"deleted": 1}
    assert (await service.call("DELETE", "/v1/loops/default/items/i%2F0")).json() == {"deleted": 0}
    wrong = {"items": [{"id": "new", "features": {}}, {"id": "bad", "features": {"x": [[]]}}]}
    refused = await service.call("PUT", "/v1/loops/default/items", wrong)
    assert (refused.status_code, refused.json()["field"]) == (422, "items[1].features.x[0]")
    assert len((await service.call("GET", "/v1/loops/default/items")).json()["items"]) == 4
    assert (await service.call("GET", "/v1/loops/default/items?cursor=x")).status_code == 422
    assert (await service.call("GET", "/v1/loops/nowhere/items")).status_code == 404


async def test_a_cursor_beyond_64_bits_is_refused(service: InProcess) -> None:
    for text in (str(2**64), "9" * 20):
        response = await service.call("GET", f"/v1/loops/default/items?cursor={text}")
        assert (response.status_code, response.json()["field"]) == (422, "cursor")
    assert (await service.call("GET", f"/v1/loops/default/items?cursor={2**64 - 1}")).status_code == 200
