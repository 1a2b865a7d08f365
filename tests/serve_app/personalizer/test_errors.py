from __future__ import annotations

import json

import pytest

from serve_app.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InternalError,
    NotFoundError,
    RequestError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnprocessableError,
)
from serve_app.personalizer.errors import AzureError, not_implemented, translated


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadRequestError, 400, "Op"), (UnprocessableError, 400, "Op"), (UnauthenticatedError, 401, "401"),
        (ForbiddenError, 403, "InvalidApiAccess"), (NotFoundError, 404, "ResourceNotFound"),
        (ConflictError, 409, "EventIdConflict"), (TooLargeError, 400, "PayloadSizeExceeded"),
        (UnavailableError, 503, "OperationNotAllowed"), (InternalError, 500, "InternalServerError"),
    ],
)  # fmt: skip
def test_our_refusals_have_a_status_and_a_code_there(error: type[RequestError], status: int, code: str) -> None:
    found = translated(error("it is wrong", field="a.b", cure="right it"), "Op")
    assert (found.status, found.code, found.message, found.target) == (status, code, "it is wrong; right it", "a.b")


def test_a_cure_is_not_said_twice() -> None:
    assert (
        translated(UnprocessableError("too deep; flatten it", cure="flatten it"), "Op").message
        == "too deep; flatten it"
    )


def test_the_document_has_the_nesting_that_clients_parse() -> None:
    document = json.loads(AzureError(400, "InvalidRankRequest", "No.", target="actions").body())
    assert document == {
        "error": {
            "code": "InvalidRankRequest",
            "message": "No.",
            "target": "actions",
            "details": [{"code": "BadRequest", "message": "No."}],
            "innerError": {"code": "InvalidRankRequest"},
        }
    }


def test_what_is_not_there_is_said_so_and_not_retried() -> None:
    error = not_implemented("Deleting the log", "leave it")
    assert (error.status, error.code) == (501, "NotImplemented")
