"""Nothing a client of the dialects sends takes the service down, and nothing of a refused request is stored."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serve_app.personalizer.operations import OPERATIONS, PREFIX
from tests.serve_app.conftest import ADMIN_KEY, InProcess
from tests.serve_app.test_bad_input import BODIES, DEEP, JSON

FEATURES = st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=4) | st.none(), max_size=3) | JSON
ACTION = st.fixed_dictionaries({"id": st.text(max_size=5) | JSON, "features": FEATURES}) | st.none()
SLOT = st.fixed_dictionaries(
    {"id": st.text(max_size=3) | JSON, "baselineAction": st.sampled_from(["a", "b"]) | JSON},
    optional={"features": FEATURES, "excludedActions": JSON},
)
PLAUSIBLE = st.builds(
    lambda body: json.dumps(body).encode(),
    st.fixed_dictionaries(
        {"actions": st.lists(ACTION, max_size=3)},
        optional={
            "slots": st.lists(SLOT, max_size=3) | JSON,
            "contextFeatures": FEATURES,
            "excludedActions": st.lists(st.sampled_from("ab")) | JSON,
            "eventId": st.text(max_size=5) | JSON,
            "deferActivation": JSON,
        },
    )
    | st.fixed_dictionaries({"value": st.floats() | JSON})
    | st.fixed_dictionaries({"reward": st.lists(st.fixed_dictionaries({"slotId": JSON, "value": JSON})) | JSON})
    | st.fixed_dictionaries({"name": st.text(max_size=5), "arguments": st.text(max_size=30) | JSON})
    | st.fixed_dictionaries({"name": st.text(max_size=5), "startTime": JSON, "endTime": JSON, "policies": JSON})
    | st.dictionaries(
        st.sampled_from(["rewardWaitTime", "defaultReward", "rewardAggregation", "explorationPercentage"]), JSON
    ),
)


async def send(service: InProcess, method: str, path: str, body: bytes) -> httpx.Response:
    headers = {"ocp-apim-subscription-key": ADMIN_KEY}
    return await service.http.request(method, path, content=body, headers=headers)


def ranked(features: bytes) -> bytes:
    return b'{"actions":[{"id":"a","features":' + features + b"}]}"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", DEEP, b"\xff\xfe", ranked(DEEP), ranked(b'[{"a":' * 900 + b"1" + b"}]" * 900),
        ranked(b'[{"a":' + b'{"b":' * 900 + b"1" + b"}" * 900 + b"}]"), ranked(b'[{"a":"\xff"}]'),
        ranked(b'[{"a":' + b"9" * 400 + b"}]"), ranked(b'[{"a":1e999}]'), ranked(b'[{"a":"\\ud800"}]'),
        ranked(b'[{"\\ud800":1}]'), ranked(b'[{"a":NaN}]'), ranked(b'{"a":1}'), ranked(b'"a"'), ranked(b"7"),
        ranked(b'[{"a":[[1]]}]'), ranked(b'[{"a":1}]') + b" {}", b'{"actions":7}', b'{"actions":[7]}',
        ranked(b'[{"a":1}]')[:-1] + b',"contextFeatures":7}', ranked(b'[{"a":1}]')[:-1] + b',"eventId":7}',
        ranked(b'[{"a":1}]')[:-1] + b',"excludedActions":[null]}',
        b'{"actions":[{"id":"\\ud800","features":[{"a":1}]}]}',
    ],
)  # fmt: skip
async def test_a_malformed_rank_request_is_a_400(service: InProcess, body: bytes) -> None:
    answer = await send(service, "POST", "/personalizer/v1.0/rank", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRankRequest"), answer.text
    assert answer.json()["error"]["message"]
    assert service.logged() == []


CALLS = [
    (operation.method, f"{PREFIX}v1.1-preview.3/{operation.path}", "")
    for operation in OPERATIONS
    if operation.name != "create_evaluation"
] + [("PUT", f"{PREFIX}evaluations/{{id}}", "?api-version=2022-09-01-preview")]


@settings(
    max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(call=st.sampled_from(CALLS), part=st.binary(max_size=30), body=BODIES | PLAUSIBLE, query=st.text(max_size=10))
async def test_no_input_is_answered_with_a_server_error(
    service: InProcess, call: tuple[str, str, str], part: bytes, body: bytes, query: str
) -> None:
    path = call[1].replace("{id}", "".join(f"%{byte:02X}" for byte in part)) + (
        call[2] or f"?window={quote(query, errors='replace')}"
    )
    n_before = len(service.logged())
    answer = await send(service, call[0], path, body)
    assert answer.status_code < 500 or answer.status_code == 501, (call, path, body, answer.text)
    if answer.status_code >= 400 and call[0] != "HEAD":
        error: Any = answer.json()["error"]
        assert error["code"] == answer.headers["x-ms-error-code"]
        assert error["message"]
        assert len(service.logged()) == n_before
