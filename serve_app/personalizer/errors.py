"""Refusals in the dialects' own shape: ``{"error": {"code", "message", "target", "details", "innerError"}}``.

In: a refusal of ours, or one that only the dialects know. Out: status, code and body. Codes and their statuses are the
service's own, whose clients branch on them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from serve_app.errors import RequestError

JSON_UTF8 = b"application/json; charset=utf-8"

_encoder = msgspec.json.Encoder()


class AzureError(Exception):
    """A request in a dialect is refused.

    Attributes:
        status: HTTP status.
        code: One of the service's error codes, or ``NotImplemented``.
        message: What is wrong, and what to do about it.
        target: Which field or resource.
    """

    def __init__(self, status: int, code: str, message: str, *, target: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target

    def body(self) -> bytes:
        """The JSON document of this refusal."""
        inner: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            inner["target"] = self.target
        if self.status == 400:
            inner["details"] = [{"code": "BadRequest", "message": self.message}]
        return _encoder.encode({"error": {**inner, "innerError": {"code": self.code}}})


def not_implemented(what: str, cure: str) -> AzureError:
    """The refusal of what the old service had and this one doesn't; clients don't retry a 501."""
    return AzureError(501, "NotImplemented", f"{what} is not available in Slateloop; {cure}.")


def translated(error: RequestError, invalid: str) -> AzureError:
    """One of our own refusals.

    Args:
        error: As the shared code raised it.
        invalid: Code of the operation for a body that is wrong, for example ``InvalidRankRequest``.
    """
    status, code = _CODES.get(error.status, (error.status, "InternalServerError"))
    is_said = not error.cure or error.detail.endswith(error.cure)
    message = error.detail if is_said else f"{error.detail}; {error.cure}"
    return AzureError(status, code or invalid, message, target=error.field)


_CODES: dict[int, tuple[int, str]] = {
    400: (400, ""),
    401: (401, "401"),
    403: (403, "InvalidApiAccess"),
    404: (404, "ResourceNotFound"),
    405: (405, "BadRequest"),
    409: (409, "EventIdConflict"),
    413: (400, "PayloadSizeExceeded"),
    422: (400, ""),
    500: (500, "InternalServerError"),
    503: (503, "OperationNotAllowed"),
}
