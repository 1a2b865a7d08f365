"""``/personalizer/…``: the dialects of Azure AI Personalizer, over the same loops, log and policies as ``/v1``.

In: ASGI requests below the prefix. Out: answers and refusals as the old service's clients expect them. The operation is
found on the undecoded path, the key is read from ``Ocp-Apim-Subscription-Key``, and whatever a handler raises becomes
an error document.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from serve_app.asgi import AWAY, Identify, Receive, Scope, Send, away, defect
from serve_app.auth import Principal
from serve_app.errors import RequestError, UnauthenticatedError
from serve_app.http import ClientGoneError, Reply, read_body
from serve_app.personalizer.errors import JSON_UTF8, AzureError, translated
from serve_app.personalizer.operations import OPERATIONS, PREFIX, Dialect, Operation, find

logger = logging.getLogger("slateloop.personalizer")

KEY_HEADER = b"ocp-apim-subscription-key"
REQUEST_ID_HEADER = b"x-ms-client-request-id"

NO_CONTENT = Reply(b"", 204)


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose key was checked.

    Attributes:
        principal: Whose key it is.
        dialect: How the client writes.
        id: The id in the path, or "".
        query: Decoded query parameters.
        request_id: The client's name for this request, the same in every retry; or "".
        url: Scheme and host as the client knows them, for links.
        is_head: Whether only the headers are wanted.
    """

    principal: Principal
    dialect: Dialect
    body: bytes
    id: str
    query: Mapping[str, str]
    request_id: str = ""
    url: str = ""
    is_head: bool = False


CallHandler = Callable[[Call], Awaitable[Reply]]


class PersonalizerApp:
    """The dialects as one ASGI application.

    Args:
        handlers: One for each operation, by its name.
        identify: Checks a request's key.
        body_bytes: Longest body taken.
    """

    prefix = PREFIX

    def __init__(self, handlers: Mapping[str, CallHandler], identify: Identify, *, body_bytes: int) -> None:
        names = {operation.name for operation in OPERATIONS}
        if names != handlers.keys():
            raise ValueError(f"operations without their one handler: {sorted(names ^ handlers.keys())}")
        self._handlers = handlers
        self._identify = identify
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            reply = await self._reply(scope, receive)
        except AzureError as error:
            reply = _refusal(error)
        except ClientGoneError:
            return
        await _send(send, reply, is_head=scope["method"] == "HEAD")

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        query = _query(scope.get("query_string", b""))
        raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
        operation, dialect, id = find(scope["method"], raw_path, query)
        try:
            return await self._handle(operation, dialect, id, scope, receive, query)
        except RequestError as error:
            raise translated(error, operation.invalid) from None
        except AWAY as error:
            logger.warning("%s: the datastore is away: %s", operation.name, error)
            raise translated(away(), operation.invalid) from None
        except (AzureError, ClientGoneError):
            raise
        except Exception:
            # The rim: a defect of ours must not take the replica down.
            logger.exception("%s failed", operation.name)
            raise translated(defect(), operation.invalid) from None

    async def _handle(
        self, operation: Operation, dialect: Dialect, id: str, scope: Scope, receive: Receive, query: Mapping[str, str]
    ) -> Reply:
        headers = scope["headers"]
        principal = await self._known(headers)
        principal.require(*operation.scopes)
        body = await read_body(scope, receive, self._body_bytes)
        request_id = _header(headers, REQUEST_ID_HEADER)
        url = f"{scope.get('scheme', 'http')}://{_header(headers, b'host')}"
        call = Call(principal, dialect, body, id, query, request_id, url, scope["method"] == "HEAD")
        return await self._handlers[operation.name](call)

    async def _known(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal:
        try:
            return await self._identify(_as_ours(headers))
        except UnauthenticatedError as error:
            message = f"Access denied: {error.detail}. Send a Slateloop key as Ocp-Apim-Subscription-Key."
            raise AzureError(401, "401", message, target="Ocp-Apim-Subscription-Key") from None


def _as_ours(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers with the subscription key under the name of ours; it goes before any other."""
    listed = list(headers)
    keys = [(b"x-api-key", value) for name, value in listed if name == KEY_HEADER]
    return [*keys, *listed]


def _header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


def _query(encoded: bytes) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(encoded.decode("ascii"), errors="strict", max_num_fields=32))
    except ValueError:
        raise AzureError(400, "BadRequest", "The query string can't be read; percent-encode it as UTF-8.") from None


def _refusal(error: AzureError) -> Reply:
    headers = [(b"x-ms-error-code", error.code.encode())]
    if error.status == 503:
        headers.append((b"retry-after", b"1"))
    if error.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="slateloop"'))
    return Reply(error.body(), error.status, JSON_UTF8, tuple(headers))


async def _send(send: Send, reply: Reply, *, is_head: bool) -> None:
    headers = [*reply.headers]
    if reply.status != 204:
        headers += [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body))]
    start: MutableMapping[str, Any] = {"type": "http.response.start", "status": reply.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if is_head else reply.body})
