"""Every operation of the dialects, once: its path, which dialects have it, who may call it.

In: a method, the path as it came, undecoded, and the query. Out: the operation, its dialect, the id in the path.
Segments are decoded after they are told apart, so that an id may hold ``%2F``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from serve_app.personalizer.errors import AzureError

PREFIX = "/personalizer/"
QUERY_VERSION = "2022-09-01-preview"


class Dialect(enum.Enum):
    """How a client writes its requests."""

    V1_0 = "v1.0"
    V1_1 = "v1.1-preview.3"
    V2022 = QUERY_VERSION


_VERSIONS = {
    "v1.0": Dialect.V1_0,
    "v1.1-preview.1": Dialect.V1_1,
    "v1.1-preview.2": Dialect.V1_1,
    "v1.1-preview.3": Dialect.V1_1,
}
_ALL = frozenset(Dialect)
_FIRST_TWO = frozenset({Dialect.V1_0, Dialect.V1_1})
_LATER = frozenset({Dialect.V1_1, Dialect.V2022})
_NEWEST = frozenset({Dialect.V2022})

_DECIDE = ("decide",)
_FEEDBACK = ("reward", "decide")
_ADMIN = ("admin",)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation.

    Attributes:
        name: Its handler's.
        method: HTTP method.
        path: Below the dialect's prefix; ``{id}`` stands for one segment.
        scopes: Any of these opens it.
        dialects: Those that have it.
        invalid: Error code for a body that is wrong.
    """

    name: str
    method: str
    path: str
    scopes: tuple[str, ...] = _ADMIN
    dialects: frozenset[Dialect] = _ALL
    invalid: str = "BadRequest"


OPERATIONS = (
    Operation("rank", "POST", "rank", _DECIDE, invalid="InvalidRankRequest"),
    Operation("rank_multi_slot", "POST", "multislot/rank", _DECIDE, _LATER, "InvalidRankRequest"),
    Operation("reward", "POST", "events/{id}/reward", _FEEDBACK, invalid="InvalidRewardRequest"),
    Operation("activate", "POST", "events/{id}/activate", _FEEDBACK, invalid="InvalidEventIdToActivate"),
    Operation("reward_slots", "POST", "multislot/events/{id}/reward", _FEEDBACK, _LATER, "InvalidRewardRequest"),
    Operation("activate", "POST", "multislot/events/{id}/activate", _FEEDBACK, _LATER, "InvalidEventIdToActivate"),
    Operation("get_configuration", "GET", "configurations/service"),
    Operation("put_configuration", "PUT", "configurations/service", invalid="InvalidServiceConfiguration"),
    Operation("get_policy", "GET", "configurations/policy"),
    Operation("put_policy", "PUT", "configurations/policy", invalid="InvalidPolicyConfiguration"),
    Operation("reset_policy", "DELETE", "configurations/policy"),
    Operation(
        "apply_evaluation", "POST", "configurations/applyFromEvaluation", _ADMIN, _LATER, "InvalidPolicyContract"
    ),
    Operation("create_evaluation", "POST", "evaluations", _ADMIN, _FIRST_TWO, "InvalidEvaluationContract"),
    Operation("create_evaluation", "PUT", "evaluations/{id}", _ADMIN, _NEWEST, "InvalidEvaluationContract"),
    Operation("list_evaluations", "GET", "evaluations"),
    Operation("get_evaluation", "GET", "evaluations/{id}"),
    Operation("delete_evaluation", "DELETE", "evaluations/{id}"),
    Operation("feature_importances", "GET", "featureImportances", _ADMIN, _NEWEST),
    Operation("feature_importances", "GET", "featureImportances/{id}", _ADMIN, _NEWEST),
    Operation("feature_importances", "PUT", "featureImportances/{id}", _ADMIN, _NEWEST),
    Operation("feature_importances", "DELETE", "featureImportances/{id}", _ADMIN, _NEWEST),
    Operation("get_model", "GET", "model"),
    Operation("get_model", "HEAD", "model"),
    Operation("import_model", "PUT", "model", _ADMIN, _LATER, "InvalidModelImportFormat"),
    Operation("reset_model", "DELETE", "model"),
    Operation("model_properties", "GET", "model/properties"),
    Operation("logs_properties", "GET", "logs/properties"),
    Operation("delete_logs", "DELETE", "logs"),
    Operation("ingest_logs", "POST", "logs/interactions", _DECIDE, _LATER),
    Operation("ingest_logs", "POST", "logs/observations", _FEEDBACK, _LATER),
)


class Found(NamedTuple):
    """Which operation a request is.

    Attributes:
        id: The decoded id in its path, or "".
    """

    operation: Operation
    dialect: Dialect
    id: str


def find(method: str, raw_path: bytes, query: Mapping[str, str]) -> Found:
    """The operation.

    Args:
        method: HTTP method.
        raw_path: As sent, still encoded, without the query.
        query: Decoded parameters; one dialect has its version there.

    Raises:
        AzureError: there is none, or no such version.
    """
    known = _AT_ONCE.get((method, raw_path)) or (
        _AT_ONCE_2022.get((method, raw_path)) if query.get("api-version") == QUERY_VERSION else None
    )
    if known is not None:
        return known
    first, *rest = raw_path[len(PREFIX) :].split(b"/")
    version = first.decode("ascii", "replace").lower()
    dialect = _VERSIONS.get(version)
    if dialect is None:
        if version.startswith("v1") or version.startswith("v2"):
            raise AzureError(404, "ResourceNotFound", f"There is no version {version!r:.40} here.", target="version")
        dialect, rest = _by_query(query), [first, *rest]
    segments = [_decoded(segment) for segment in rest]
    candidates = _BY_LENGTH.get(len(segments), ())
    fitting = [(one, parts) for one, parts in candidates if dialect in one.dialects and _fits(parts, segments)]
    for operation, parts in fitting:
        if operation.method == method:
            return Found(operation, dialect, segments[parts.index("{id}")] if "{id}" in parts else "")
    if fitting:
        raise AzureError(405, "BadRequest", f"This path doesn't take {method:.20}.", target="method")
    raise AzureError(404, "ResourceNotFound", "Requested resource does not exist on the server.", target="path")


def _by_query(query: Mapping[str, str]) -> Dialect:
    version = query.get("api-version")
    if version is None:
        cure = f"name a version in the path (v1.0, v1.1-preview.3) or add ?api-version={QUERY_VERSION}"
        raise AzureError(400, "MissingApiVersionParameter", f"The request names no API version; {cure}.")
    if version != QUERY_VERSION:
        message = f"There is no API version {version!r:.40}; use {QUERY_VERSION}."
        raise AzureError(400, "UnsupportedApiVersionValue", message, target="api-version")
    return Dialect.V2022


def _fits(parts: tuple[str, ...], segments: list[str]) -> bool:
    return all(part == segment or (part == "{id}" and segment) for part, segment in zip(parts, segments, strict=True))


def _decoded(segment: bytes) -> str:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise AzureError(400, "BadRequest", "The path is not UTF-8; percent-encode ids as UTF-8.") from None


_BY_LENGTH: dict[int, list[tuple[Operation, tuple[str, ...]]]] = {}
for _operation in OPERATIONS:
    _parts = tuple(_operation.path.split("/"))
    _BY_LENGTH.setdefault(len(_parts), []).append((_operation, _parts))

_WITHOUT_ID = [operation for operation in OPERATIONS if "{id}" not in operation.path]
_AT_ONCE = {
    (operation.method, f"{PREFIX}{version}/{operation.path}".encode()): Found(operation, dialect, "")
    for version, dialect in _VERSIONS.items()
    for operation in _WITHOUT_ID
    if dialect in operation.dialects
}
_AT_ONCE_2022 = {
    (operation.method, f"{PREFIX}{operation.path}".encode()): Found(operation, Dialect.V2022, "")
    for operation in _WITHOUT_ID
    if Dialect.V2022 in operation.dialects
}
