"""Nothing a client sends takes the service down, and nothing of a refused request is stored (promise 5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve_app.wire import RewardRequest, SlateRequest
from tests.serve_app.conftest import InProcess

DEEP = b"[" * 90_000


def _actions(features: bytes) -> bytes:
    return b'{"actions":[{"id":"a","features":' + features + b"}]}"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, ""),
        (b"\xff\xfe", 400, ""),
        (b"null", 422, ""),
        (b"{}", 422, "actions"),
        (b'{"actions":{}}', 422, "actions"),
        (b'{"actions":[]}', 422, "actions"),
        (b'{"actions":["a",7]}', 422, "actions[1]"),
        (b'{"actions":[{"id":7}]}', 422, "actions[0].id"),
        (b'{"actions":[{"features":{}}]}', 422, "actions[0].id"),
        (b'{"actions":[{"id":""}]}', 422, "actions[0].id"),
        (b'{"actions":["a"],"slot":1}', 422, "slot"),
        (b'{"actions":["a","b","a"]}', 422, "actions[2].id"),
        (b'{"actions":["a"],"slots":2}', 422, "slots"),
        (b'{"actions":["a"],"slots":0}', 422, "slots"),
        (b'{"actions":["a"],"slots":-1}', 422, "slots"),
        (b'{"actions":["a"],"slots":1.5}', 422, "slots"),
        (b'{"actions":["a"],"slots":true}', 422, "slots"),
        (b'{"actions":["a"],"slots":' + b"9" * 4000 + b"}", 422, "slots"),
        (b'{"actions":["a"],"slots":[]}', 422, "slots"),
        (b'{"actions":["a","b"],"slots":[{"id":"x"},{"id":"x"}]}', 422, "slots[1].id"),
        (b'{"actions":["a"],"slots":[{"id":"x","features":{"y":{"z":[{}]}}}]}', 422, "slots[0].features.y.z[0]"),
        (b'{"actions":["a"],"context":[]}', 422, "context"),
        (b'{"actions":["a"],"context":null}', 422, "context"),
        (b'{"actions":["a"],"context":{"x":NaN}}', 400, ""),
        (b'{"actions":["a"],"context":{"x":Infinity}}', 400, ""),
        (b'{"actions":["a"],"context":{"x":1e999}}', 422, "context"),
        (b'{"actions":["a"],"context":{"x":"\xff"}}', 400, "context"),
        (b'{"actions":["a\xff"]}', 400, ""),
        (b'{"actions":["\\ud800x"]}', 400, ""),
        (b'{"actions":["a"],"context":{"a":{"b":{"c":{"d":{}}}}}}', 422, "context.a.b.c.d"),
        (b'{"actions":["a"],"context":' + DEEP + b"}", 400, ""),
        (DEEP, 422, ""),
        (b'{"a":' * 15_000, 422, "a"),
        (_actions(b"[]"), 422, "actions[0].features"),
        (_actions(b'{"x":[1,"y"]}'), 422, "actions[0].features.x[1]"),
        (_actions(b'{"x":1e30}'), 422, "actions[0].features.x"),
        (_actions(b'{"x":' + b"7" * 4000 + b"}"), 422, "actions[0].features.x"),
        (_actions(b'{"x":"' + b"y" * 1025 + b'"}'), 422, "actions[0].features.x"),
        (_actions(json.dumps({f"f{i}": i for i in range(257)}).encode()), 422, "actions[0].features.f256"),
        (b'{"actions":' + json.dumps([f"a{i}" for i in range(501)]).encode() + b"}", 422, "actions"),
        (b'{"actions":["a"],"user":"' + b"u" * 257 + b'"}', 422, "user"),
        (b'{"actions":["a"],"user":7}', 422, "user"),
        (b'{"actions":["a"],"event_id":"sl1.forged"}', 422, "event_id"),
        (b'{"actions":["a"],"event_id":""}', 422, "event_id"),
        (b'{"actions":["a"],"loop":"../etc"}', 422, "loop"),
        (b'{"actions":["a"],"loop":"nowhere"}', 404, "loop"),
        (b'{"actions":["a"],"defer":"yes"}', 422, "defer"),
        (b'{"actions":["a"],"exclude":["a"]}', 422, "slots[0]"),
        (b'{"actions":["a"]} {}', 400, ""),
        (b"{" + b" " * 100_001 + b"}", 413, ""),
    ],
)
async def test_a_malformed_slate_request_names_field_value_and_cure(
    service: InProcess, body: bytes, status: int, field: str
) -> None:
    response = await service.call("POST", "/v1/slates", body)
    problem = response.json()
    assert (response.status_code, problem.get("field", "")) == (status, field), problem
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["cure"]
    assert problem["detail"]
    assert len(problem.get("value", "")) <= 80
    assert service.logged() == []


@pytest.mark.parametrize(
    ("number", "cure"), [(b"1e999", "send a finite number"), (b"1" + b"0" * 5000, "send a smaller number")]
)
@pytest.mark.parametrize("place", ["context", "actions[0].features"])
async def test_a_number_without_end_is_told_what_to_be(
    service: InProcess, place: str, number: bytes, cure: str
) -> None:
    features = b'{"x":' + number + b"}"
    body = b'{"actions":["a"],"context":' + features + b"}" if place == "context" else _actions(features)
    problem = (await service.call("POST", "/v1/slates", body)).json()
    assert problem["field"].startswith(place)
    assert problem["cure"] == cure


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from([*SlateRequest.__struct_fields__, *RewardRequest.__struct_fields__, "requests", "items", "id"])
BODIES = st.binary(max_size=200) | st.builds(
    lambda body: json.dumps(body).encode(), st.dictionaries(NAMES, JSON, max_size=6) | JSON
)
PLAUSIBLE = st.builds(
    lambda body: json.dumps(body).encode(),
    st.fixed_dictionaries(
        {"actions": st.lists(st.sampled_from(["a", "b"]) | st.fixed_dictionaries({"id": st.text(), "features": JSON}))},
        optional={"slots": JSON, "context": JSON, "user": st.text(), "event_id": st.text(), "exclude": JSON},
    ),
)
CALLS = [
    tuple(line.split())
    for line in """
    POST /v1/slates
    POST /v1/slates/batch
    POST /v1/rewards
    POST /v1/events/{}/activate
    POST /v1/sessions/{}/end
    PUT /v1/loops/{}
    GET /v1/loops/{}
    GET /v1/loops/{}/versions
    GET /v1/loops/{}/status
    GET /v1/loops/{}/snapshots
    POST /v1/loops/default/rollback
    POST /v1/loops/default/release
    PUT /v1/loops/default/items
    GET /v1/loops/default/items?cursor={}
    DELETE /v1/loops/default/items/{}
    POST /v1/keys
    DELETE /v1/keys/{}
    GET /{}
    PATCH /v1/slates
    """.strip().splitlines()
]


@settings(
    max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(call=st.sampled_from(CALLS), part=st.binary(max_size=30), body=BODIES | PLAUSIBLE)
async def test_no_input_is_answered_with_a_server_error(
    service: InProcess, call: tuple[str, ...], part: bytes, body: bytes
) -> None:
    path = call[1].replace("{}", "".join(f"%{byte:02X}" for byte in part))
    n_before = len(service.logged())
    response = await service.call(call[0], path, body)
    assert response.status_code < 500, (call, path, body, response.text)
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
        assert len(service.logged()) == n_before


async def test_an_oversized_body_is_refused_however_it_comes(service: InProcess) -> None:
    async def parts() -> Any:
        for _ in range(200):
            yield b"x" * 1000

    response = await service.http.post("/v1/slates", content=parts())
    assert response.status_code == 413
    assert "SLATELOOP_BODY_BYTES" in response.json()["cure"]


async def test_a_path_that_is_not_utf8_is_refused(service: InProcess) -> None:
    assert (await service.call("POST", "/v1/events/%FF/activate")).status_code == 400


async def test_unknown_routes_and_methods_are_problems_too(service: InProcess) -> None:
    missing = await service.call("GET", "/v2/slates")
    assert (missing.status_code, missing.json()["field"]) == (404, "path")
    wrong = await service.call("GET", "/v1/slates")
    assert (wrong.status_code, wrong.json()["cure"]) == (405, "use POST")
