"""The OpenAPI 3.1 document, made from the route table and the wire structs.

In: ``ROUTES``. Out: a JSON document. Nothing is written down twice: shapes and texts are those of the structs.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from agent.loops import LoopSettings
from serve_app.errors import CONTENT_TYPE, Problem
from serve_app.routes.table import ROUTES, RouteSpec

_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_REF = "#/components/schemas/{name}"

_MEANINGS = {
    400: "The body or the path can't be read.",
    401: "No valid API key.",
    403: "The API key may not do this.",
    404: "What is named doesn't exist.",
    409: "The event id was used for another request.",
    413: "The body is too long.",
    422: "A field is wrong; the problem names it, its value and the cure.",
    503: "The datastore is away; try again.",
}


def document(version: str) -> dict[str, Any]:
    """The whole document.

    Args:
        version: Of the service.
    """
    shapes = _shapes()
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    settings = LoopSettings.model_json_schema(ref_template="#/components/schemas/{model}")
    components |= settings.pop("$defs", {}) | {"LoopSettings": settings}
    by_shape = dict(zip(map(str, shapes), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for spec in ROUTES:
        paths.setdefault(plain_path(spec), {})[spec.method.lower()] = _operation(spec, by_shape)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Slateloop",
            "version": version,
            "description": "Which items to show, in which order; learned online from what happened.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key of this service."},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def plain_path(spec: RouteSpec) -> str:
    """The route's path without converters."""
    return _PARAMETER.sub(r"{\1}", spec.path)


def parameters(spec: RouteSpec) -> list[str]:
    """Names of the path's parameters."""
    return _PARAMETER.findall(spec.path)


def _shapes() -> list[Any]:
    """Every shape that some route takes or gives, Problem included."""
    found = {str(shape): shape for spec in ROUTES for shape in (spec.takes, spec.gives) if _is_struct(shape)}
    return [*found.values(), Problem]


def _is_struct(shape: Any) -> bool:
    return shape not in (None, LoopSettings, bytes) and not isinstance(shape, str)


def _operation(spec: RouteSpec, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(spec),
        "summary": spec.summary,
        "parameters": _parameters(spec),
        "responses": {str(spec.status): _answer(spec, schemas)} | _problems(spec),
    }
    if spec.scopes:
        operation["security"] = [{"bearer": []}, {"header": []}]
        operation["description"] = f"Needs a key with the scope {' or '.join(spec.scopes)}; admin opens everything."
    if spec.takes is not None:
        content: dict[str, Any] = {"schema": _taken(spec, schemas)}
        if spec.example is not None:
            content["example"] = spec.example
        required = type(None) not in getattr(spec.takes, "__args__", ())
        operation["requestBody"] = {"required": required, "content": {spec.content: content}}
    return operation


def _parameters(spec: RouteSpec) -> list[dict[str, Any]]:
    text, number = {"type": "string"}, {"type": "integer"}
    in_path = [{"name": one, "in": "path", "required": True, "schema": text} for one in parameters(spec)]
    in_query = [{"name": one, "in": "query", "description": what, "schema": number} for one, what in spec.query]
    return [*in_path, *in_query]


def _operation_id(spec: RouteSpec) -> str:
    words = re.findall(r"[a-z]+", plain_path(spec).removeprefix("/v1"))
    return "_".join([spec.method.lower(), *words])


def _answer(spec: RouteSpec, schemas: dict[str, Any]) -> dict[str, Any]:
    if isinstance(spec.gives, str):
        return {"description": spec.summary, "content": {spec.gives: {}}}
    return {"description": spec.summary, "content": {"application/json": {"schema": _schema(spec.gives, schemas)}}}


def _taken(spec: RouteSpec, schemas: dict[str, Any]) -> Any:
    return {"type": "string", "format": "binary"} if spec.takes is bytes else _schema(spec.takes, schemas)


def _schema(shape: Any, schemas: dict[str, Any]) -> Any:
    return {"$ref": _REF.format(name="LoopSettings")} if shape is LoopSettings else schemas[str(shape)]


def _problems(spec: RouteSpec) -> dict[str, Any]:
    statuses = {*spec.errors, *((401, 403) if spec.scopes else ())}
    content = {CONTENT_TYPE.decode(): {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {str(status): {"description": _MEANINGS[status], "content": content} for status in sorted(statuses)}
