"""Every route is documented, and everything documented exists and works as its example shows."""

from __future__ import annotations

import re

import msgspec
import pytest

from serve_app.routes.docs_page import curl, page
from serve_app.routes.openapi import document, plain_path
from serve_app.routes.table import ROUTES, RouteSpec, bind
from tests.serve_app.conftest import InProcess

DOCUMENT = document("1.2.3")


def test_every_route_is_documented_and_nothing_else() -> None:
    documented = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert documented == {(spec.method, plain_path(spec)) for spec in ROUTES}
    operations = [one["operationId"] for methods in DOCUMENT["paths"].values() for one in methods.values()]
    assert len(operations) == len(set(operations))


async def test_every_documented_route_exists(service: InProcess) -> None:
    for spec in ROUTES:
        path = re.sub(r"\{\w+\}", "x", plain_path(spec))
        response = await service.call(spec.method, path)
        is_missing = response.status_code == 404 and response.json()["field"] == "path"
        assert response.status_code != 405 and not is_missing, spec.key  # noqa: PT018 - one fact about one route


def test_a_route_without_handler_or_a_handler_without_route_is_noticed() -> None:
    with pytest.raises(ValueError, match="/v1/slates"):
        bind({}, {})


def test_every_reference_leads_somewhere() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert {"SlateRequest", "SlateAnswer", "RewardRequest", "Problem", "LoopSettings"} <= names
    assert names <= DOCUMENT["components"]["schemas"].keys()


@pytest.mark.parametrize(
    "spec", [spec for spec in ROUTES if spec.example], ids=lambda spec: f"{spec.method} {spec.path}"
)
async def test_examples_work_in_a_fresh_service(service: InProcess, spec: RouteSpec) -> None:
    body = dict(spec.example)
    if "event_id" in body:
        body["event_id"] = (await service.decided())["event_id"]
    response = await service.call(spec.method, plain_path(spec).replace("{loop}", "default"), body)
    expected = 422 if spec.path.endswith("/rollback") else spec.status
    assert response.status_code == expected, response.text


async def test_the_documents_are_served(service: InProcess) -> None:
    served = (await service.call("GET", "/openapi.json")).json()
    assert served["openapi"] == "3.1.0"
    response = await service.call("GET", "/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert "http://service" in response.text
    assert "<script" not in response.text
    assert all(curl_line in page(DOCUMENT, url="u") for curl_line in ("POST", "/v1/slates"))


def test_commands_to_copy_name_url_and_key() -> None:
    (spec,) = [spec for spec in ROUTES if spec.key == ("POST", "/v1/slates")]
    assert curl(spec).startswith('curl -s -X POST "$SLATELOOP_URL/v1/slates"')
    assert "Bearer $SLATELOOP_KEY" in curl(spec)
