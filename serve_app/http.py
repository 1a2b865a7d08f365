"""HTTP at the level the routes see: an ``Ask`` comes in, a ``Reply`` goes out.

In: ASGI messages. Out: the body, read with a limit; and the answer as two ASGI messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from serve_app.auth import Principal
from serve_app.errors import CONTENT_TYPE, BadRequestError, RequestError, TooLargeError, encode

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON = b"application/json"
_DISCARDED = 16
"""An oversized body is read to its end and thrown away up to so many times the limit, so that the answer arrives."""

_json = msgspec.json.Encoder()


class ClientGoneError(Exception):
    """The client hung up before its request was complete; there is nobody to answer."""


class Ask(msgspec.Struct, frozen=True, gc=False):
    """A request whose key was checked.

    Attributes:
        principal: Who asks; None on routes that need no key.
        params: Decoded path parameters.
        query: The query string, still encoded.
    """

    body: bytes
    principal: Principal | None = None
    params: Mapping[str, str] = {}
    query: bytes = b""

    @property
    def who(self) -> Principal:
        """The principal, on a route that needs a key."""
        if self.principal is None:
            raise RuntimeError("this route was not declared to need a key")
        return self.principal

    def query_values(self) -> Mapping[str, str]:
        """Decoded query parameters.

        Raises:
            BadRequestError: they are not UTF-8.
        """
        try:
            return dict(parse_qsl(self.query.decode("ascii"), errors="strict", max_num_fields=32))
        except ValueError:
            raise BadRequestError("the query string can't be read", cure="percent-encode it as UTF-8") from None


class Reply(msgspec.Struct, frozen=True, gc=False):
    """An answer."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


Handler = Callable[[Ask], Awaitable[Reply]]


def json_reply(value: Any, *, status: int = 200) -> Reply:
    """A value as JSON."""
    return Reply(_json.encode(value), status)


def problem_reply(error: RequestError) -> Reply:
    """A refusal as a problem document."""
    return Reply(encode(error), error.status, CONTENT_TYPE, error.headers)


async def send_reply(send: Send, reply: Reply) -> None:
    """Send an answer."""
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body; never more than ``limit`` bytes of it are held.

    Raises:
        TooLargeError: it is longer.
        ClientGoneError: the client hung up.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) <= limit:
            return body
        raise too_large(limit)
    return await _read_parts(message, receive, limit)


async def _read_parts(message: Mapping[str, Any], receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise ClientGoneError
        size += len(message.get("body", b""))
        if size <= limit:
            parts.append(message.get("body", b""))
        elif size > _DISCARDED * limit:
            break
        else:
            parts.clear()
        if not message.get("more_body", False):
            break
        message = await receive()
    if size > limit:
        raise too_large(limit)
    return b"".join(parts)


def too_large(limit: int) -> TooLargeError:
    """The refusal for a body beyond the limit."""
    cure = "send less at once, or raise SLATELOOP_BODY_BYTES"
    return TooLargeError(f"the body is longer than {limit} bytes", value=f"> {limit} bytes", cure=cure)
