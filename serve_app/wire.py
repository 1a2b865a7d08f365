"""JSON shapes of the routes that decide and learn: what a client sends, what it gets.

In: what ``serve_app/reading.py`` decodes. Out: typed structs. Features stay raw bytes here: they are checked, and
decoded once per distinct row, in ``serve_app/rows.py``. The OpenAPI document is made from these structs.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

ID_CHARS = 256

Id = Annotated[str, Meta(min_length=1, max_length=ID_CHARS)]
EventId = Annotated[str, Meta(min_length=1, max_length=ID_CHARS, description="1 to 256 characters")]
LoopName = Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,64}$", description="a loop; else the key's, else default")]
TypeName = Annotated[str, Meta(min_length=1, max_length=64)]

EMPTY = Raw(b"{}")

JsonObject = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
"""Left as bytes; whoever uses it checks that it is an object."""


def no_features() -> Raw:
    """The empty object; a factory, since a raw default can't be shown in a JSON schema."""
    return EMPTY


_SLATE_OR_PROBLEM = {"anyOf": [{"$ref": "#/components/schemas/SlateAnswer"}, {"$ref": "#/components/schemas/Problem"}]}


class WireAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A candidate: its id, and features that override the catalogue's, one top-level name at a time."""

    id: Id
    features: JsonObject = msgspec.field(default_factory=no_features)


class WireSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place to fill; ``exclude`` names actions that may not stand here."""

    id: Id
    features: JsonObject = msgspec.field(default_factory=no_features)
    exclude: list[Id] = []


class SlateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for a slate.

    Attributes:
        actions: The eligible candidates, as ids or with features; their order is the baseline.
        slots: How many to fill, or each of them.
        context: JSON features of the moment, the user included.
        loop: Which loop; else the key's, else ``default``.
        user: Keeps a sticky variant.
        session: Keeps a sticky variant where no user is known.
        event_id: Chosen by the client, it makes a repeat of this request harmless.
        exclude: Ids of actions that may not be chosen.
        defer: True if it may never be shown; it then counts only when activated.
    """

    actions: Annotated[list[Id | WireAction], Meta(min_length=1)]
    slots: Annotated[int, Meta(ge=1)] | Annotated[list[WireSlot], Meta(min_length=1)] = 1
    context: JsonObject = msgspec.field(default_factory=no_features)
    loop: LoopName | None = None
    user: Id | None = None
    session: Id | None = None
    event_id: EventId | None = None
    exclude: list[Id] = []
    defer: bool = False


class BatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several slate requests; each gets an answer or a problem of its own."""

    requests: Annotated[list[Raw], Meta(min_length=1)]


class ChosenItem(msgspec.Struct, frozen=True, gc=False):
    """An action in its slot, and the probability of choosing it there, given the slots before, in (0, 1]."""

    id: str
    propensity: float


class SlateAnswer(msgspec.Struct, frozen=True):
    """What to show, in order.

    Attributes:
        event_id: Send it back with the rewards.
        policy: Kind of the policy that chose; ``baseline`` where no snapshot could.
        version: The snapshot's version, or "" where the policy needs none.
        variant: Arm of the policy experiment.
    """

    event_id: str
    slate: list[ChosenItem]
    policy: str
    version: str
    variant: str


class BatchAnswer(msgspec.Struct, frozen=True):
    """One answer for each request, in their order; a refused one is a problem document."""

    slates: list[Annotated[Any, Meta(extra_json_schema=_SLATE_OR_PROBLEM)]]


class RewardRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One piece of feedback.

    Attributes:
        event_id: The decision it is about.
        value: A finite number; the loop's recipe makes a reward of it.
        type: Which rule of the recipe applies; ``reward`` if not named.
        slot: 0-based number or id of the slot; needed (or ``action``) where a slate has more than one.
        action: Id of the action.
        reward_id: A second reward with the same id is counted as a duplicate.
        loop: Needed only where the event id doesn't tell and the key isn't bound to a loop.
        props: Anything worth keeping with it.
    """

    event_id: EventId
    value: float
    type: TypeName = "reward"
    slot: Annotated[int, Meta(ge=0)] | Id | None = None
    action: Id | None = None
    reward_id: Id | None = None
    loop: LoopName | None = None
    props: JsonObject = msgspec.field(default_factory=no_features)


class RewardsAnswer(msgspec.Struct, frozen=True):
    """How many rewards are in the log now."""

    accepted: int


class LoopNamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The optional body of activate and session end."""

    loop: LoopName | None = None


class Accepted(msgspec.Struct, frozen=True):
    """It is in the log."""

    accepted: int = 1
