from __future__ import annotations

import httpx
import pytest
import redis

from agent import keys
from serve_app.asgi import Application
from serve_app.auth import KeyStore, Principal, key_id_of
from serve_app.bootstrap import first_admin_key, prepare
from serve_app.errors import ForbiddenError, NotFoundError, UnprocessableError
from serve_app.replica import Replica, ReplicaSettings
from tests.serve_app.conftest import ADMIN_KEY, InProcess

REWARD = {"event_id": "mine", "value": 1}


async def test_without_a_known_key_nothing_opens(service: InProcess) -> None:
    bare = {"authorization": ""}
    for headers in (
        bare,
        {"authorization": "Bearer slk_x_y"},
        {"authorization": "Bearer"},
        {"authorization": "Basic eA=="},
    ):
        response = await service.http.post("/v1/slates", json={"actions": ["a"]}, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.json()["cure"]
    assert service.logged() == []


async def test_either_header_carries_a_key(service: InProcess) -> None:
    headers = {"authorization": "", "x-api-key": ADMIN_KEY}
    response = await service.http.post("/v1/slates", json={"actions": ["a"]}, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("scope", "opens", "closed"),
    [
        ("decide", ["/v1/slates"], ["/v1/keys"]),
        ("reward", [], ["/v1/slates", "/v1/keys"]),
        ("admin", ["/v1/slates"], []),
    ],
)
async def test_a_scope_opens_what_it_names(service: InProcess, scope: str, opens: list[str], closed: list[str]) -> None:
    key = service.key(scope)  # type: ignore[arg-type]  # parametrised
    for path in opens:
        assert (await service.call("POST", path, {"actions": ["a"]}, key=key)).status_code == 200
    for path in closed:
        refused = await service.call("POST", path, {"actions": ["a"]}, key=key)
        assert refused.status_code == 403
        assert scope in refused.json()["detail"]


async def test_a_reward_key_can_reward_signed_events_alone(service: InProcess) -> None:
    key = service.key("reward")
    event_id = (await service.decided())["event_id"]
    accepted = await service.call("POST", "/v1/rewards", {"event_id": event_id, "value": 1}, key=key)
    assert accepted.status_code == 202
    n_logged = len(service.logged())
    forged = f"{event_id[:-1]}{'A' if event_id[-1] != 'A' else 'B'}"
    moved = event_id.replace(".default.", ".other.")
    for bad in ("mine", forged, moved, "sl1.", "sl1.a.b.c", event_id + "x", event_id.replace("sl1", "sl1.x")):
        refused = await service.call("POST", "/v1/rewards", {"event_id": bad, "value": 1}, key=key)
        assert (refused.status_code, refused.json()["field"]) == (403, "event_id"), bad
        activated = await service.call("POST", f"/v1/events/{bad}/activate", key=key)
        assert activated.status_code == 403, bad
    assert len(service.logged()) == n_logged
    assert (await service.call("POST", "/v1/sessions/s/end", key=key)).status_code == 403


async def test_a_forged_id_is_refused_whoever_sends_it(service: InProcess) -> None:
    response = await service.call("POST", "/v1/rewards", {"event_id": "sl1.k.default.r.mac", "value": 1})
    assert response.status_code == 403
    assert service.logged() == []


async def test_a_key_for_one_loop_neither_reads_nor_moves_another(service: InProcess) -> None:
    await service.make_loop("mine")
    await service.make_loop("other")
    n_logged = len(service.logged("other"))
    foreign = (await service.decided(loop="other"))["event_id"]
    key = service.key("decide", "reward", "admin", loop="mine")
    assert (await service.call("POST", "/v1/slates", {"actions": ["a"]}, key=key)).status_code == 200
    assert len(service.logged("mine")) == 1
    for method, path, body in (
        ("POST", "/v1/slates", {"actions": ["a"], "loop": "other"}),
        ("POST", "/v1/rewards", {"event_id": foreign, "value": 1}),
        ("POST", "/v1/rewards", {"event_id": foreign, "value": 1, "loop": "mine"}),
        ("POST", "/v1/rewards", {"event_id": "x", "value": 1, "loop": "other"}),
        ("POST", f"/v1/events/{foreign}/activate", None),
        ("POST", "/v1/sessions/s/end", {"loop": "other"}),
        ("GET", "/v1/loops/other", None),
        ("PUT", "/v1/loops/other", {}),
        ("GET", "/v1/loops/other/versions", None),
        ("GET", "/v1/loops/other/status", None),
        ("GET", "/v1/loops/other/snapshots", None),
        ("POST", "/v1/loops/other/rollback", {"version": "v"}),
        ("POST", "/v1/loops/other/release", None),
        ("PUT", "/v1/loops/other/items", {"items": [{"id": "a"}]}),
        ("GET", "/v1/loops/other/items", None),
        ("DELETE", "/v1/loops/other/items/a", None),
        ("POST", "/v1/keys", {"scopes": ["admin"]}),
        ("POST", "/v1/keys", {"scopes": ["decide"], "loop": "other"}),
    ):
        response = await service.call(method, path, body, key=key)
        assert response.status_code in (403, 422), (method, path, response.text)
        assert response.status_code == 403 or "other" not in response.json()["detail"]
    assert len(service.logged("other")) == n_logged + 1
    assert [one["loop"] for one in (await service.call("GET", "/v1/loops", key=key)).json()["loops"]] == ["mine"]


async def test_keys_are_made_listed_and_revoked(service: InProcess) -> None:
    made = (await service.call("POST", "/v1/keys", {"scopes": ["decide"], "name": "web"})).json()
    assert made["key"].startswith(f"slk_{made['id']}_")
    listed = (await service.call("GET", "/v1/keys")).json()["keys"]
    assert [one["name"] for one in listed if one["id"] == made["id"]] == ["web"]
    assert all("key" not in one and "digest" not in one for one in listed)
    assert made["key"].encode() not in b"".join(service.redis.hvals(keys.API_KEYS))  # type: ignore[arg-type]  # sync client
    assert (await service.call("POST", "/v1/slates", {"actions": ["a"]}, key=made["key"])).status_code == 200
    assert (await service.call("DELETE", f"/v1/keys/{made['id']}")).status_code == 200
    assert (await service.call("POST", "/v1/slates", {"actions": ["a"]}, key=made["key"])).status_code == 401
    assert (await service.call("DELETE", f"/v1/keys/{made['id']}")).status_code == 404


def test_the_first_admin_key_is_made_once_and_kept_hashed(redis_client: redis.Redis) -> None:
    prepare(redis_client, None)
    assert KeyStore(redis_client).all() == [], "a start that fails later must not use the one key up"
    made = first_admin_key(redis_client)
    assert made is not None
    assert made.startswith("slk_")
    assert first_admin_key(redis_client) is None
    assert made.encode() not in b"".join(redis_client.hvals(keys.API_KEYS))  # type: ignore[arg-type]  # sync client


def test_a_prescribed_admin_key_replaces_the_one_before(redis_client: redis.Redis) -> None:
    for key in ("first prescribed key", "second prescribed key"):
        prepare(redis_client, key)
        assert first_admin_key(redis_client) is None
    assert [key.id for key in KeyStore(redis_client).all()] == [key_id_of(b"second prescribed key")]


def test_a_prescribed_admin_key_ends_with_its_setting_and_another_is_made(redis_client: redis.Redis) -> None:
    prepare(redis_client, "a key of a demo")
    KeyStore(redis_client).create(scopes=("admin",), loop="x", name="", now_ms=1)
    prepare(redis_client, None)
    assert key_id_of(b"a key of a demo") not in [key.id for key in KeyStore(redis_client).all()]
    made = first_admin_key(redis_client)
    assert made is not None, "an admin of one loop can't make up for it"
    assert key_id_of(made.encode()) in [key.id for key in KeyStore(redis_client).all()]


def test_the_last_admin_key_stays(redis_client: redis.Redis) -> None:
    store = KeyStore(redis_client)
    record, _ = store.create(scopes=("admin",), loop=None, name="", now_ms=1)
    store.create(scopes=("admin",), loop="x", name="", now_ms=1)
    with pytest.raises(UnprocessableError):
        store.revoke(record.id)
    with pytest.raises(NotFoundError):
        store.revoke("nobody")
    store.create(scopes=("admin",), loop=None, name="", now_ms=1)
    store.revoke(record.id)


def test_admin_implies_the_other_scopes() -> None:
    Principal("k", frozenset({"admin"}), None).require("decide")
    with pytest.raises(ForbiddenError):
        Principal("k", frozenset({"reward"}), None).require("decide", "admin")


async def test_metrics_that_need_a_key_need_one_for_all_loops(service: InProcess) -> None:
    settings = ReplicaSettings(redis_url="unix:///nowhere", url="http://service", metrics_need_key=True)
    guarded = Replica(settings)
    guarded.access = service.replica.access
    guarded_app = Application(guarded._bound(settings), service.replica.access.identify, body_bytes=1000)
    transport = httpx.ASGITransport(guarded_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
        for key, status in ((service.key("admin", loop="default"), 403), (ADMIN_KEY, 503)):
            response = await http.get("/metrics", headers={"authorization": f"Bearer {key}"})
            assert response.status_code == status, response.text
        assert (await http.get("/metrics")).status_code == 401
