"""Every route, once: its path, who may call it, what it takes and gives, with an example that works.

In: nothing. Out: ``ROUTES``, from which the application is bound (``bind``), the OpenAPI document is made and the /docs
page is written; so a route can't exist without being documented, nor be documented without existing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agent.loops import LoopSettings
from serve_app import admin_wire as admin
from serve_app import wire
from serve_app.asgi import Bound
from serve_app.http import Handler
from serve_app.status import StatusAnswer

Text = Literal["text/plain", "text/html", "application/json"]


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A route.

    Attributes:
        path: As ``asgi.Bound`` takes it.
        scopes: Any of these opens it; none means no key is needed.
        takes: Shape of the body, or None.
        gives: Shape of the answer, or its content type where it isn't JSON of a fixed shape.
        status: Of the answer when all went well.
        example: A body that works in a fresh service.
        query: Name → meaning of optional query parameters.
        errors: Statuses of the problems it may answer with, beside 401 and 403 where a key is needed.
        content: Type of the body, where it isn't JSON.
        body_bytes: Longest body taken; None for the setting's.
    """

    method: str
    path: str
    summary: str
    scopes: tuple[str, ...] = ()
    takes: Any = None
    gives: Any = "application/json"
    status: int = 200
    example: Any = None
    query: tuple[tuple[str, str], ...] = ()
    errors: tuple[int, ...] = ()
    content: str = "application/json"
    body_bytes: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Method and path."""
        return self.method, self.path


AGENT_BYTES = 64 * 2**20
"""A trained agent may be larger than other bodies."""

_DECIDE = ("decide",)
_FEEDBACK = ("reward", "decide")
_ADMIN = ("admin",)
_BODY = (400, 413, 422, 503)

_SLATE = {
    "context": {"device": "phone", "hour": 21, "user": {"tier": "gold"}},
    "actions": [
        {"id": "a1", "features": {"topic": "sport", "age_h": 3.2, "tags": ["cup", "live"]}},
        {"id": "a2", "features": {"topic": "film", "age_h": 20.0}},
        "a3",
    ],
    "slots": 2,
    "user": "u-17",
}
_REWARD = {"event_id": "the answer's event_id", "value": 1.0, "slot": 0}

ROUTES: tuple[RouteSpec, ...] = (
    RouteSpec(
        "POST", "/v1/slates", "Ask which actions to show, in which order.", _DECIDE, wire.SlateRequest,
        wire.SlateAnswer, example=_SLATE, errors=(404, 409, *_BODY),
    ),
    RouteSpec(
        "POST", "/v1/slates/batch", "Ask for several slates at once; each gets an answer or a problem of its own.",
        _DECIDE, wire.BatchRequest, wire.BatchAnswer, example={"requests": [_SLATE, {"actions": ["a1", "a2"]}]},
        errors=_BODY,
    ),
    RouteSpec(
        "POST", "/v1/rewards", "Tell what happened; one piece of feedback or a list, checked all or none. After a 503 "
        "repeat with the same reward_id.", _FEEDBACK,
        wire.RewardRequest | list[wire.RewardRequest], wire.RewardsAnswer, 202, _REWARD, errors=(404, *_BODY),
    ),
    RouteSpec(
        "POST", "/v1/events/{event_id:path}/activate", "Say that a deferred decision was shown.", _FEEDBACK,
        wire.LoopNamed | None, wire.Accepted, 202, errors=(404, *_BODY),
    ),
    RouteSpec(
        "POST", "/v1/sessions/{session:path}/end", "Say that a session is over.", _DECIDE, wire.LoopNamed | None,
        wire.Accepted, 202, errors=(404, *_BODY),
    ),
    RouteSpec("GET", "/v1/loops", "List the loops.", _ADMIN, None, admin.LoopsAnswer, errors=(503,)),
    RouteSpec(
        "GET", "/v1/loops/{loop}", "Read a loop's settings.", _ADMIN, None, admin.LoopAnswer, errors=(404, 503)
    ),
    RouteSpec(
        "PUT", "/v1/loops/{loop}", "Make a loop, or change its settings; what is left out has its default.", _ADMIN,
        LoopSettings, admin.LoopAnswer, example={"reward": {"window_s": 30, "recipe": {"click": {"weight": 1.0}}}},
        errors=_BODY,
    ),
    RouteSpec(
        "GET", "/v1/loops/{loop}/versions", "Read every version of a loop's settings.", _ADMIN, None,
        admin.VersionsAnswer, errors=(404, 503),
    ),
    RouteSpec(
        "GET", "/v1/loops/{loop}/status", "Read what the loop has learned, from how much, how late; and why nothing "
        "changed if nothing did.", _ADMIN, None, StatusAnswer, errors=(404, 503),
    ),
    RouteSpec(
        "GET", "/v1/loops/{loop}/snapshots", "List the snapshots that are kept.", _ADMIN, None, admin.SnapshotsAnswer,
        errors=(404, 503),
    ),
    RouteSpec(
        "POST", "/v1/loops/{loop}/rollback", "Serve a kept snapshot, and stay there until released.", _ADMIN,
        admin.RollbackRequest, admin.ServingAnswer, example={"version": "one of the loop's snapshots"},
        errors=(404, *_BODY),
    ),
    RouteSpec(
        "POST", "/v1/loops/{loop}/release", "End a rollback: serve the newest snapshot again.", _ADMIN, None,
        admin.ServingAnswer, errors=(404, 503),
    ),
    RouteSpec(
        "PUT", "/v1/loops/{loop}/agents", "Keep an agent that `slateloop train` trained, so that the loop's settings "
        "may begin with it: name the answer in policy.start.", _ADMIN, bytes, admin.AgentStored, errors=_BODY,
        content="application/octet-stream", body_bytes=AGENT_BYTES,
    ),
    RouteSpec(
        "PUT", "/v1/loops/{loop}/items", "Keep items and their features, so that actions may be named by id alone.",
        _ADMIN, admin.ItemsRequest, admin.ItemsStored, example={"items": [{"id": "a3", "features": {"topic": "news"}}]},
        errors=(404, *_BODY),
    ),
    RouteSpec(
        "GET", "/v1/loops/{loop}/items", "Read the catalogue, page by page.", _ADMIN, None, admin.ItemsPage,
        query=(("cursor", "of the page before; 0 begins"), ("count", "about how many, at most 1000")),
        errors=(404, 422, 503),
    ),
    RouteSpec(
        "DELETE", "/v1/loops/{loop}/items/{item:path}", "Forget an item.", _ADMIN, None, admin.Deleted,
        errors=(404, 503),
    ),
    RouteSpec(
        "DELETE", "/v1/loops/{loop}/log", "Delete the recorded past: every event that no learner at work needs any "
        "more. The model stays; settings that change what is learned then learn from what is left.", _ADMIN, None,
        admin.LogDeleted, errors=(404, 503),
    ),
    RouteSpec("GET", "/v1/keys", "List the API keys, without their secrets.", _ADMIN, None, admin.KeysAnswer),
    RouteSpec(
        "POST", "/v1/keys", "Make an API key; it is shown in this answer only.", _ADMIN, admin.KeyRequest,
        admin.KeyAnswer, 201, {"scopes": ["reward"], "name": "web page"}, errors=_BODY,
    ),
    RouteSpec("DELETE", "/v1/keys/{id}", "End an API key.", _ADMIN, None, admin.Deleted, errors=(404, 422, 503)),
    RouteSpec("GET", "/healthz", "The process is alive.", gives="text/plain"),
    RouteSpec("GET", "/readyz", "The log can be written and the default loop is loaded; else 503 says why.",
              errors=(503,)),
    RouteSpec("GET", "/metrics", "Prometheus metrics of the whole service.", gives="text/plain", errors=(503,)),
    RouteSpec("GET", "/openapi.json", "This interface as an OpenAPI 3.1 document."),
    RouteSpec("GET", "/docs", "This interface for people.", gives="text/html"),
)  # fmt: skip


def bind(
    handlers: Mapping[tuple[str, str], Handler], scopes: Mapping[tuple[str, str], tuple[str, ...]]
) -> Sequence[Bound]:
    """The routes with what answers them.

    Args:
        handlers: One for each route, by method and path.
        scopes: Scopes that settings demand instead of the route's own.

    Raises:
        ValueError: a route has no handler, or a handler no route.
    """
    keys = {spec.key for spec in ROUTES}
    if keys != handlers.keys():
        raise ValueError(f"routes without their one handler: {sorted(keys ^ handlers.keys())}")
    return [
        Bound(spec.method, spec.path, scopes.get(spec.key, spec.scopes), handlers[spec.key], spec.body_bytes)
        for spec in ROUTES
    ]
