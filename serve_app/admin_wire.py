"""JSON shapes of the administrative routes: loops, snapshots, catalogues, keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from serve_app.wire import Id, JsonObject, LoopName, no_features

KeyScope = Literal["decide", "reward", "admin"]
Settings = Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/LoopSettings"})]


class LoopListed(msgspec.Struct, frozen=True):
    """A loop and the version of its settings in force."""

    loop: str
    version: int


class LoopsAnswer(msgspec.Struct, frozen=True):
    """Every loop."""

    loops: list[LoopListed]


class LoopAnswer(msgspec.Struct, frozen=True):
    """A loop's settings.

    Attributes:
        learning_hash: Changes when what or how is learned changes; the loop is then learned anew from its log.
    """

    loop: str
    version: int
    learning_hash: str
    settings: Settings


class VersionsAnswer(msgspec.Struct, frozen=True):
    """Every version of a loop's settings, oldest first."""

    versions: list[LoopAnswer]


class SnapshotAnswer(msgspec.Struct, frozen=True):
    """A kept snapshot; ``published_at`` in Unix seconds."""

    version: str
    lineage: str
    n_learned: int
    published_at: float
    n_bytes: int


class SnapshotsAnswer(msgspec.Struct, frozen=True):
    """Kept snapshots, newest first: versions that a rollback may name."""

    snapshots: list[SnapshotAnswer]


class RollbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Serve this version until it is released."""

    version: Annotated[str, Meta(min_length=1, max_length=128)]


class ServingAnswer(msgspec.Struct, frozen=True):
    """What is served now; ``version`` is "" before the first snapshot."""

    version: str
    pinned: bool


class AgentStored(msgspec.Struct, frozen=True):
    """A trained agent that is kept; ``start`` is for the settings' ``policy.start``, with ``policy.kind`` as here.

    Attributes:
        n_bytes: Of what was sent.
        reward_min: Least reward it was trained with.
        reward_max: Greatest.
        features: What it was trained to see, of the context and of actions.
    """

    start: str
    kind: str
    n_bytes: int
    reward_min: float
    reward_max: float
    features: list[str]


class WireItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item of the catalogue."""

    id: Id
    features: JsonObject = msgspec.field(default_factory=no_features)


class ItemsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items to keep; an item that exists is replaced whole."""

    items: Annotated[list[WireItem], Meta(min_length=1, max_length=10_000)]


class ItemsStored(msgspec.Struct, frozen=True):
    """How many were stored, and how many of them are new."""

    stored: int
    new: int


class ItemsPage(msgspec.Struct, frozen=True):
    """Some items; ask again with ``cursor`` until it is 0."""

    items: list[WireItem]
    cursor: int


class Deleted(msgspec.Struct, frozen=True):
    """How many there were to delete."""

    deleted: int


class LogDeleted(msgspec.Struct, frozen=True):
    """How many entries of the log were deleted.

    Attributes:
        first: Position of the first entry left, milliseconds first; "" where the log is empty.
        why: Why nothing could be deleted and what to do; else "".
    """

    deleted: int
    first: str
    why: str = ""


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to make; bound to one loop if ``loop`` is given."""

    scopes: Annotated[list[KeyScope], Meta(min_length=1)]
    loop: LoopName | None = None
    name: Annotated[str, Meta(max_length=128)] = ""


class KeyAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key's record; ``key`` is the key itself, in the answer that makes it and never again."""

    id: str
    scopes: list[str]
    loop: str | None
    name: str
    created_at: float
    key: str = ""


class KeysAnswer(msgspec.Struct, frozen=True):
    """Every key, oldest first."""

    keys: list[KeyAnswer]
