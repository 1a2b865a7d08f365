from __future__ import annotations

import pytest

from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.operations import OPERATIONS, Dialect, find

V2022 = {"api-version": "2022-09-01-preview"}


@pytest.mark.parametrize(
    ("path", "query", "dialect"),
    [
        (b"/personalizer/v1.0/rank", {}, Dialect.V1_0),
        (b"/personalizer/v1.1-preview.1/rank", {}, Dialect.V1_1),
        (b"/personalizer/v1.1-preview.2/rank", {}, Dialect.V1_1),
        (b"/personalizer/v1.1-preview.3/rank", {}, Dialect.V1_1),
        (b"/personalizer/rank", V2022, Dialect.V2022),
    ],
)
def test_each_dialect_says_its_version_in_its_own_place(path: bytes, query: dict[str, str], dialect: Dialect) -> None:
    assert find("POST", path, query)[:2] == (OPERATIONS[0], dialect)


@pytest.mark.parametrize(
    ("raw", "id"), [(b"a%20b", "a b"), (b"a%2Fb", "a/b"), (b"a%2fb%2Freward", "a/b/reward"), ("é".encode(), "é")]
)
def test_ids_are_decoded_after_the_path_was_taken_apart(raw: bytes, id: str) -> None:
    found = find("POST", b"/personalizer/v1.0/events/" + raw + b"/reward", {})
    assert (found.operation.name, found.id) == ("reward", id)


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "code"),
    [
        ("POST", b"/personalizer/rank", {}, 400, "MissingApiVersionParameter"),
        ("POST", b"/personalizer/rank", {"api-version": "2019-01-01"}, 400, "UnsupportedApiVersionValue"),
        ("POST", b"/personalizer/v1.2/rank", {}, 404, "ResourceNotFound"),
        ("POST", b"/personalizer/v1.0/multislot/rank", {}, 404, "ResourceNotFound"),
        ("POST", b"/personalizer/v1.0/nonsense", {}, 404, "ResourceNotFound"),
        ("POST", b"/personalizer/v1.0/events//reward", {}, 404, "ResourceNotFound"),
        ("GET", b"/personalizer/v1.0/rank", {}, 405, "BadRequest"),
        ("PUT", b"/personalizer/v1.0/evaluations/e", {}, 405, "BadRequest"),
        ("POST", b"/personalizer/v1.0/events/%ff/reward", {}, 400, "BadRequest"),
    ],
)
def test_what_is_not_there_is_refused(method: str, path: bytes, query: dict[str, str], status: int, code: str) -> None:
    with pytest.raises(AzureError) as caught:
        find(method, path, query)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_no_two_operations_answer_the_same_call() -> None:
    calls = [(one.method, one.path, dialect) for one in OPERATIONS for dialect in one.dialects]
    assert len(set(calls)) == len(calls)
