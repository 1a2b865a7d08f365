from __future__ import annotations

import httpx
import pytest

from serve_app.asgi import Application, Bound, with_cors
from serve_app.auth import Principal
from serve_app.http import Ask, Reply


async def _open(headers: object) -> Principal:
    return Principal("k", frozenset({"admin"}), None)


async def _echo(ask: Ask) -> Reply:
    return Reply(repr(dict(ask.params)).encode())


async def _broken(ask: Ask) -> Reply:
    raise KeyError("an inner secret")


def client(*, origins: tuple[str, ...] = ()) -> httpx.AsyncClient:
    routes = [
        Bound("GET", "/items/{item:path}/end", (), _echo),
        Bound("GET", "/broken", (), _broken),
        Bound("POST", "/closed", ("decide",), _echo),
    ]
    app = with_cors(Application(routes, _open, body_bytes=1000), origins)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


async def test_a_path_parameter_may_hold_anything() -> None:
    async with client() as http:
        response = await http.get("/items/a%2Fb%3F%20%C3%BC%2Fend/end")
    assert response.text == repr({"item": "a/b? ü/end"})


async def test_a_defect_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with client() as http:
        response = await http.get("/broken")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "an inner secret" in caplog.text


async def test_pages_may_send_what_the_client_packages_send_from_a_browser() -> None:
    names = "ocp-apim-subscription-key,x-ms-client-request-id,x-ms-useragent,x-ms-command-name,content-type"
    preflight = {
        "origin": "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": names,
    }
    async with client(origins=("https://shop.example",)) as http:
        assert (await http.options("/closed", headers=preflight)).status_code == 200
        unknown = {**preflight, "access-control-request-headers": "x-unknown"}
        assert (await http.options("/closed", headers=unknown)).status_code == 400


async def test_pages_of_other_origins_may_call_only_where_settings_say_so() -> None:
    preflight = {
        "origin": "https://shop.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    async with client(origins=("https://shop.example",)) as http:
        allowed = await http.options("/closed", headers=preflight)
        other = await http.options("/closed", headers={**preflight, "origin": "https://evil.example"})
        answered = await http.post("/closed", headers={"origin": "https://shop.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers
    assert answered.headers["access-control-allow-origin"] == "https://shop.example"
    async with client() as http:
        closed = await http.options("/closed", headers=preflight)
    assert closed.status_code == 405
    assert "access-control-allow-origin" not in closed.headers
