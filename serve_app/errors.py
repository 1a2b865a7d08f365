"""Every refusal of the service, one tree, and the RFC 9457 problem document each becomes.

    RequestError
    ├── BadRequestError        400  the body or the path can't be read at all
    ├── UnauthenticatedError   401  no key, or an unknown one
    ├── ForbiddenError         403  the key may not do this
    ├── NotFoundError          404  no such loop, version, key or route
    ├── MethodNotAllowedError  405
    ├── ConflictError          409  the same event id with another body
    ├── TooLargeError          413  more bytes than the limit
    ├── UnprocessableError     422  readable, but a field is wrong
    ├── UnavailableError       503  the log can't take it now; try again
    └── InternalError          500  a defect of ours

In: the field, its value and the cure, from wherever the fault is seen. Out: JSON for ``application/problem+json``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

PROBLEM_TYPE = "urn:slateloop:problem:"
CONTENT_TYPE = b"application/problem+json"
SHOWN_CHARS = 80
"""A value is quoted in a problem up to this length."""


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document.

    Attributes:
        type: A URN that names the kind of problem; stable, for programs.
        title: The kind of problem in words.
        status: The HTTP status.
        detail: What is wrong with this request.
        field: Path of the offending field, for example ``actions[3].id``; "" for the whole body.
        value: The offending value as JSON, shortened.
        cure: What to do about it.
    """

    type: str
    title: str
    status: int
    detail: str
    field: str = ""
    value: str = ""
    cure: str = ""


class RequestError(Exception):
    """A request is refused; subclasses give status and title, the instance gives field, value and cure."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    headers: ClassVar[tuple[tuple[bytes, bytes], ...]] = ()

    def __init__(self, detail: str, *, field: str = "", value: str = "", cure: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.value = value
        self.cure = cure

    def at(self, prefix: str) -> RequestError:
        """The same refusal with its field seen from further out."""
        joint = "." if self.field and not self.field.startswith("[") else ""
        field = f"{prefix}{joint}{self.field}"
        return type(self)(self.detail, field=field, value=self.value, cure=self.cure)

    def problem(self) -> Problem:
        """The document for the client."""
        return Problem(
            PROBLEM_TYPE + self.kind, self.title, self.status, self.detail, self.field, self.value, self.cure
        )


class BadRequestError(RequestError):
    """The body or the path can't be read."""

    status, kind, title = 400, "bad-request", "The request can't be read"


class UnauthenticatedError(RequestError):
    """No API key, or one that isn't known."""

    status, kind, title = 401, "unauthenticated", "A valid API key is needed"
    headers = ((b"www-authenticate", b'Bearer realm="slateloop"'),)


class ForbiddenError(RequestError):
    """The API key is known and may not do this."""

    status, kind, title = 403, "forbidden", "The API key may not do this"


class NotFoundError(RequestError):
    """What the request names doesn't exist."""

    status, kind, title = 404, "not-found", "Not found"


class MethodNotAllowedError(RequestError):
    """The path exists, this method on it doesn't."""

    status, kind, title = 405, "method-not-allowed", "Method not allowed"


class ConflictError(RequestError):
    """The request contradicts what is already logged."""

    status, kind, title = 409, "conflict", "Conflict with an earlier request"


class TooLargeError(RequestError):
    """The body has more bytes than the limit."""

    status, kind, title = 413, "too-large", "The request is too large"


class UnprocessableError(RequestError):
    """The request can be read, but one of its fields is wrong."""

    status, kind, title = 422, "invalid-field", "A field of the request is wrong"


class UnavailableError(RequestError):
    """What is needed to keep the answer's promise is away just now."""

    status, kind, title = 503, "unavailable", "Try again soon"
    headers = ((b"retry-after", b"1"),)


class InternalError(RequestError):
    """A defect of Slateloop; details are in the replica's log, never in the answer."""


def shown(value: Any) -> str:
    """A value as JSON, shortened for a problem document; never fails."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        text = ascii(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


_encoder = msgspec.json.Encoder()


def encode(error: RequestError) -> bytes:
    """The problem document's bytes."""
    return _encoder.encode(error.problem())
