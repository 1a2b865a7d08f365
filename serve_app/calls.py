"""The service's routes as a client calls them: pure functions from arguments to a request and a way to read the answer.

In: what the caller wants. Out: a ``Call``, which either client sends; nothing here opens a connection.
Every id that makes a repeat harmless (``event_id``, ``reward_id``) is made here, so that a retry carries the same one.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Required, TypedDict, TypeVar
from urllib.parse import quote

import msgspec

from agent.loops import LoopSettings
from serve_app.answers import (
    Key,
    LogDeleted,
    LoopVersion,
    Slate,
    SlateloopError,
    Snapshot,
    Status,
    error_of,
    slate_of,
    version_of,
)
from serve_app.finite import require_finite

T_co = TypeVar("T_co", covariant=True)

Features = Mapping[str, Any]
Actions = Mapping[str, Features] | Sequence[str | Mapping[str, Any]]
"""Either id → features, or a list of ``{"id", "features"}`` and of bare ids that the loop's catalogue knows."""

Scope = Literal["decide", "reward", "admin"]


class Ask(TypedDict, total=False):
    """What a slate may be asked for beside its actions.

    Attributes:
        context: JSON features of the moment: device, hour, the user's tastes.
        slots: How many to fill, or a list of ``{"id", "features", "exclude"}``.
        loop: The loop; else the client's, else the key's, else ``default``.
        user: Who is asking: keeps a sticky variant.
        session: Which visit this is.
        exclude: Ids that may not be chosen now.
        defer: True if it may never be shown: it counts only once activated.
        event_id: Names the decision; made here (``c-`` and 32 hex digits) unless given.
    """

    context: Features
    slots: int | Sequence[Mapping[str, Any]]
    loop: str | None
    user: str | None
    session: str | None
    exclude: Sequence[str]
    defer: bool
    event_id: str


class SlateAsk(Ask, total=False):
    """One request of a batch: the actions and all the rest."""

    actions: Required[Actions]


class Told(TypedDict, total=False):
    """What may be said of a reward beside its event and value.

    Attributes:
        type: Which entry of the loop's recipe weighs it: ``click``, ``purchase``…; ``reward`` if not named.
        slot: 0-based number or id of the slot it belongs to; needed in a slate of several unless the
            action is named.
        action: Id of the action it belongs to, instead of the slot.
        reward_id: Names it, so that it counts once; made here unless given.
        loop: The decision's loop; needed for events with ids of the client's own outside the key's loop, but for
            those that the same client asked for.
        props: Anything worth keeping with it.
    """

    type: str
    slot: int | str | None
    action: str | None
    reward_id: str
    loop: str | None
    props: Features


class Feedback(Told, total=False):
    """One of several rewards: the event, the value and all the rest."""

    event_id: Required[str]
    value: Required[float]


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A request and how to read its answer.

    Attributes:
        idempotent: Sent twice it does no more than sent once, so it may be retried after a broken connection.
        content: The body where it isn't JSON.
    """

    method: str
    path: str
    read: Callable[[Any], T_co]
    body: Any = None
    idempotent: bool = True
    content: bytes | None = None


def choose(actions: Actions, ask: Ask, *, loop: str | None) -> Call[Slate]:
    """Ask for one slate.

    Raises:
        ValueError: a number isn't finite.
    """
    return Call("POST", "/v1/slates", slate_of, _slate_body(actions, ask, loop))


def choose_many(asks: Iterable[SlateAsk], *, loop: str | None) -> Call[list[Slate | SlateloopError]]:
    """Ask for several slates at once; a wrong one becomes an error in its place, the others stand.

    Raises:
        ValueError: a number isn't finite.
    """
    requests = [_slate_body(ask["actions"], ask, loop) for ask in asks]
    return Call("POST", "/v1/slates/batch", _read_slates, {"requests": requests})


def rewards(feedback: Iterable[Feedback], *, loop: str | None) -> Call[int]:
    """Report rewards; answers how many were accepted.

    Raises:
        ValueError: a value isn't finite.
    """
    body = [_reward_body(item, loop) for item in feedback]
    return Call("POST", "/v1/rewards", _read_accepted, body)


def activate(event_id: str, *, loop: str | None) -> Call[None]:
    """Say that a deferred decision was really shown."""
    return Call("POST", f"/v1/events/{_in_path(event_id)}/activate", _read_nothing, _naming(loop))


def end_session(session: str, *, loop: str | None) -> Call[None]:
    """Say that a visit is over."""
    return Call("POST", f"/v1/sessions/{_in_path(session)}/end", _read_nothing, _naming(loop))


def put_items(items: Mapping[str, Features], *, loop: str) -> Call[None]:
    """Keep items and their features, so that actions may be named by id alone.

    Raises:
        ValueError: a number isn't finite.
    """
    body = {"items": [{"id": item_id, "features": features} for item_id, features in items.items()]}
    require_finite(body)
    return Call("PUT", f"/v1/loops/{_in_path(loop)}/items", _read_nothing, body)


def put_agent(loop: str, data: bytes) -> Call[str]:
    """Keep a trained agent; answers its address, for ``policy.start``."""
    path = f"/v1/loops/{_in_path(loop)}/agents"
    return Call("PUT", path, lambda answer: str(answer["start"]), content=data)


def loop_names() -> Call[list[str]]:
    """Every loop's name."""
    return Call("GET", "/v1/loops", _read_names)


def settings(loop: str) -> Call[LoopVersion]:
    """A loop's settings as they are now."""
    return Call("GET", f"/v1/loops/{_in_path(loop)}", version_of)


def apply_settings(loop: str, wanted: LoopSettings) -> Call[LoopVersion]:
    """Store settings; a new version only if they differ."""
    return Call("PUT", f"/v1/loops/{_in_path(loop)}", version_of, wanted.model_dump(mode="json"))


def versions(loop: str) -> Call[list[LoopVersion]]:
    """Every version of a loop's settings, oldest first."""
    return Call("GET", f"/v1/loops/{_in_path(loop)}/versions", _read_versions)


def status(loop: str) -> Call[Status]:
    """What a loop has learned, from how much and how late."""
    return Call("GET", f"/v1/loops/{_in_path(loop)}/status", lambda data: msgspec.convert(data, Status))


def snapshots(loop: str) -> Call[list[Snapshot]]:
    """The kept snapshots of a loop."""
    return Call("GET", f"/v1/loops/{_in_path(loop)}/snapshots", _read_snapshots)


def roll_back(loop: str, version: str) -> Call[None]:
    """Serve a kept snapshot again and stay there until released."""
    return Call("POST", f"/v1/loops/{_in_path(loop)}/rollback", _read_nothing, {"version": version})


def release(loop: str) -> Call[None]:
    """End a rollback: the next snapshot is served again."""
    return Call("POST", f"/v1/loops/{_in_path(loop)}/release", _read_nothing)


def delete_log(loop: str) -> Call[LogDeleted]:
    """Delete of a loop's log what no learner needs any more."""
    return Call("DELETE", f"/v1/loops/{_in_path(loop)}/log", lambda data: msgspec.convert(data, LogDeleted))


def keys() -> Call[list[Key]]:
    """Every API key's record, without secrets."""
    return Call("GET", "/v1/keys", _read_keys)


def create_key(scopes: Sequence[Scope], *, loop: str | None, name: str) -> Call[Key]:
    """Make an API key; its secret is in this answer and never again."""
    body = {"scopes": list(scopes), "loop": loop, "name": name}
    return Call("POST", "/v1/keys", lambda data: msgspec.convert(data, Key), body, idempotent=False)


def revoke_key(key_id: str) -> Call[None]:
    """End an API key at once."""
    return Call("DELETE", f"/v1/keys/{_in_path(key_id)}", _read_nothing)


def _slate_body(actions: Actions, ask: Ask, loop: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {**ask, "loop": ask.get("loop") or loop, "actions": _action_list(actions)}
    require_finite(body)
    body.setdefault("event_id", f"c-{uuid.uuid4().hex}")
    return {name: value for name, value in body.items() if value is not None}


def _action_list(actions: Actions) -> list[Mapping[str, Any]]:
    if isinstance(actions, Mapping):
        return [{"id": item_id, "features": features} for item_id, features in actions.items()]
    return [{"id": action} if isinstance(action, str) else action for action in actions]


def _reward_body(feedback: Feedback, loop: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {**feedback, "loop": feedback.get("loop") or loop}
    value = body.get("value")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"value={value!r} of event {body.get('event_id')!r}: must be finite; nothing was sent")
    require_finite(body)
    body.setdefault("reward_id", uuid.uuid4().hex)
    return {name: value for name, value in body.items() if value is not None}


def _naming(loop: str | None) -> Any:
    return None if loop is None else {"loop": loop}


def _in_path(text: str) -> str:
    return quote(text, safe="")


def _read_nothing(_: Any) -> None:
    return None


def _read_accepted(data: Any) -> int:
    return int(data["accepted"])


def _read_slates(data: Any) -> list[Slate | SlateloopError]:
    return [slate_of(one) if "slate" in one else error_of(one.get("status", 500), one) for one in data["slates"]]


def _read_names(data: Any) -> list[str]:
    return [one if isinstance(one, str) else one["loop"] for one in data["loops"]]


def _read_versions(data: Any) -> list[LoopVersion]:
    return [version_of(one) for one in data["versions"]]


def _read_snapshots(data: Any) -> list[Snapshot]:
    return msgspec.convert(data["snapshots"], list[Snapshot])


def _read_keys(data: Any) -> list[Key]:
    return msgspec.convert(data["keys"], list[Key])
