"""The application: one plain ASGI object over the routes, for Ray Serve, for uvicorn, and for tests without either.

In: ASGI scopes. Out: answers. Every route is found, its key checked, its body read with a limit, its handler called, in
this order; whatever a handler raises becomes a problem document. Paths without parameters are one dictionary look-up.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote_to_bytes

from redis import RedisError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, Router

from agent.event_log import LogUnavailable
from serve_app.auth import Principal
from serve_app.errors import (
    BadRequestError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    RequestError,
    UnavailableError,
    shown,
)
from serve_app.http import Ask, ClientGoneError, Handler, Reply, problem_reply, read_body, send_reply

logger = logging.getLogger("slateloop.http")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Identify = Callable[[Iterable[tuple[bytes, bytes]]], Awaitable[Principal]]


@dataclass(frozen=True, slots=True)
class Bound:
    """A route and what answers it.

    Attributes:
        path: With ``{name}`` for parameters; ``{name:path}`` for those that may hold a slash.
        scopes: Any of these opens it; none means no key is needed.
        body_bytes: Longest body taken; None for the application's own limit.
    """

    method: str
    path: str
    scopes: tuple[str, ...]
    handler: Handler
    body_bytes: int | None = None


AWAY = (LogUnavailable, RedisError, OSError, TimeoutError)
"""What is raised where the datastore can't be reached or doesn't take it."""


def away() -> UnavailableError:
    """The refusal where the datastore is away."""
    return UnavailableError("the datastore can't be reached now", cure="try again in a moment")


def defect() -> InternalError:
    """The refusal for a defect of ours; the log has it, the answer tells strangers nothing of our insides."""
    return InternalError("this is a defect of the service", cure="see the replica's log")


class Application:
    """Routes requests.

    Args:
        routes: All of them.
        identify: Checks a request's key.
        body_bytes: Longest body taken.
        mounted: Path prefix → an application that answers everything below it in its own way.
    """

    def __init__(
        self,
        routes: Sequence[Bound],
        identify: Identify,
        *,
        body_bytes: int,
        mounted: Mapping[str, App] = MappingProxyType({}),
    ) -> None:
        self._mounted = mounted
        self._identify = identify
        self._body_bytes = body_bytes
        self._exact = {(route.method, route.path): route for route in routes if "{" not in route.path}
        entries: list[BaseRoute] = [
            Route(route.path, _Endpoint(self, route), methods=[route.method]) for route in routes
        ]
        self._router = Router(entries, redirect_slashes=False, default=_no_such_route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; other protocols are none of ours."""
        if scope["type"] != "http":
            await _refuse_protocol(scope, receive, send)
            return
        try:
            route = self._exact.get((scope["method"], scope["path"]))
            if route is not None:
                await self.answer(route, scope, receive, send)
                return
            for prefix, app in self._mounted.items():
                if scope["path"].startswith(prefix):
                    await app(scope, receive, send)
                    return
            _check_path(scope)
            await self._router(dict(scope, app=self), receive, send)
        except (RequestError, HTTPException) as error:
            await send_reply(send, problem_reply(_refusal(error, scope)))

    async def answer(self, route: Bound, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one route's handler and send what comes of it."""
        try:
            reply = await self._handle(route, scope, receive)
        except RequestError as error:
            reply = problem_reply(error)
        except ClientGoneError:
            return
        except AWAY as error:
            logger.warning("%s %s: the datastore is away: %s", route.method, route.path, error)
            reply = problem_reply(away())
        except Exception:
            # The rim: a defect of ours must not take the replica down.
            logger.exception("%s %s failed", route.method, route.path)
            reply = problem_reply(defect())
        await send_reply(send, reply)

    async def _handle(self, route: Bound, scope: Scope, receive: Receive) -> Reply:
        principal = None
        if route.scopes:
            principal = await self._identify(scope["headers"])
            principal.require(*route.scopes)
        body = await read_body(scope, receive, route.body_bytes or self._body_bytes)
        params = scope.get("path_params", {})
        return await route.handler(Ask(body, principal, params, scope.get("query_string", b"")))


class _Endpoint:
    """A route with parameters, as the router calls it."""

    def __init__(self, application: Application, route: Bound) -> None:
        self._application = application
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application.answer(self._route, scope, receive, send)


def with_cors(app: App, origins: Sequence[str]) -> App:
    """The app, callable from pages of these origins; "*" means any page."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[
            "authorization",
            "x-api-key",
            "content-type",
            "ocp-apim-subscription-key",
            "x-ms-client-request-id",
            "x-ms-useragent",
            "x-ms-command-name",
        ],
        max_age=600,
    )


def _check_path(scope: Scope) -> None:
    """Refuse a path that isn't UTF-8; servers decode it leniently, and a replaced character is another id."""
    try:
        unquote_to_bytes(scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        raise BadRequestError("the path is not UTF-8", field="path", cure="percent-encode ids as UTF-8") from None


def _refusal(error: RequestError | HTTPException, scope: Scope) -> RequestError:
    if isinstance(error, RequestError):
        return error
    if error.status_code == 405:
        return MethodNotAllowedError(
            f"this path doesn't take {scope['method']}",
            field="method",
            value=shown(scope["method"]),
            cure=f"use {(error.headers or {}).get('Allow', 'another method')}",
        )
    return NotFoundError("there is no such route", field="path", value=shown(scope["path"]), cure="/docs lists them")


async def _no_such_route(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)


async def _refuse_protocol(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": f"{message['type']}.complete"})
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1003})
