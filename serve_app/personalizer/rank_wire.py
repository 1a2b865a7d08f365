"""Rank and multi-slot rank: the dialects' bodies, checked with their own messages, as our slate requests.

In: the body's bytes. Out: an ``AskedRank``: a ``SlateRequest``, and the baseline where the request names one. Answers
are made from the logged decision, so that a repeat gets the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Raw

from agent.records import Decision
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.feature_lists import NO_FEATURE, NONE_GIVEN, FeatureLists
from serve_app.personalizer.ranking import RankedAction, ranked
from serve_app.reading import Reader
from serve_app.wire import ID_CHARS, SlateRequest, WireAction, WireSlot

N_DIGITS = 7
"""Digits that a logged float32 has."""

EMPTY_EVENT_ID = "EventId should be non-empty or null."
EMPTY_ACTION_ID = "Action ids must not be empty."
NULL_ACTION = "Actions contains null value."
NO_SLOTS = "At lease one slot must be defined in a multi-slot rank request."
NULL_SLOT = "Slots contain null value."
SLOT_COUNT = "Slots count should be between 1 and the number of actions"
SLOT_IDS = "All slot's must contain unique, non empty ID"
SLOT_EXCLUDED = "All excluded action ID's must have corresponding action ID"
SLOT_BASELINE = "Each slot must contain a unique BaselineAction with an ID corresponding to an element of Actions."
BASELINE_EXCLUDED = "BaselineAction cannot be part of ExcludedActions."


def _null() -> Raw:
    return NONE_GIVEN


class AzureAction(msgspec.Struct, frozen=True, gc=False):
    """An action as offered; its features are a list of objects."""

    id: str | None = None
    features: Raw = msgspec.field(default_factory=_null)


class AzureSlot(msgspec.Struct, frozen=True, rename="camel"):
    """A slot of a multi-slot request."""

    id: str | None = None
    features: Raw = msgspec.field(default_factory=_null)
    excluded_actions: list[str] | None = None
    baseline_action: str | None = None


class RankRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The body of rank; a field that nobody knows is passed over."""

    actions: list[AzureAction | None] | None = None
    context_features: Raw = msgspec.field(default_factory=_null)
    excluded_actions: list[str] | None = None
    event_id: str | None = None
    defer_activation: bool | None = None


class MultiSlotRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The body of multi-slot rank."""

    actions: list[AzureAction | None] | None = None
    slots: list[AzureSlot | None] | None = None
    context_features: Raw = msgspec.field(default_factory=_null)
    event_id: str | None = None
    defer_activation: bool | None = None


class RankAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to rank."""

    ranking: list[RankedAction]
    event_id: str
    reward_action_id: str


class SlotAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """What stands in one slot."""

    id: str
    reward_action_id: str


class MultiSlotAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to multi-slot rank."""

    slots: list[SlotAnswer]
    event_id: str


class AskedRank(NamedTuple):
    """A rank request, translated.

    Attributes:
        baseline: Indices of the actions the application would show by itself, one a slot; None for the order in which
            it sent them.
    """

    request: SlateRequest
    baseline: tuple[int, ...] | None = None


_read_rank: Reader[RankRequest] = Reader(RankRequest)
_read_multi_slot: Reader[MultiSlotRequest] = Reader(MultiSlotRequest)


class RankReader:
    """Reads rank requests; remembers feature lists between them."""

    def __init__(self) -> None:
        self._lists = FeatureLists()

    def rank(self, body: bytes, *, n_most: int) -> AskedRank:
        """A single-slot request.

        Args:
            body: As sent.
            n_most: Most actions taken.

        Raises:
            AzureError: the request breaks a rule of the dialects.
            RequestError: the body is no JSON of this shape.
        """
        asked = _read_rank.read(body)
        actions = self._actions(asked.actions, n_most)
        request = SlateRequest(
            actions=[*actions],
            context=self._lists.context(asked.context_features),
            event_id=_checked_event_id(asked.event_id),
            exclude=asked.excluded_actions or [],
            defer=asked.defer_activation or False,
        )
        return AskedRank(request)

    def multi_slot(self, body: bytes, *, n_most: int) -> AskedRank:
        """A multi-slot request; arguments and errors as of ``rank``."""
        asked = _read_multi_slot.read(body)
        actions = self._actions(asked.actions, n_most)
        places = {action.id: place for place, action in enumerate(actions)}
        slots = _checked_slots(asked.slots or [], places)
        request = SlateRequest(
            actions=[*actions],
            slots=[
                WireSlot(slot.id or "", self._lists.slot(slot.features, place), slot.excluded_actions or [])
                for place, slot in enumerate(slots)
            ],
            context=self._lists.context(asked.context_features),
            event_id=_checked_event_id(asked.event_id),
            defer=asked.defer_activation or False,
        )
        return AskedRank(request, tuple(places[slot.baseline_action or ""] for slot in slots))

    def _actions(self, asked: Sequence[AzureAction | None] | None, n_most: int) -> list[WireAction]:
        if not asked or len(asked) > n_most:
            raise _invalid(f"Action count should be between 1 and {n_most}.", "actions")
        actions: list[WireAction] = []
        for place, action in enumerate(asked):
            if action is None:
                raise _invalid(NULL_ACTION, f"actions[{place}]")
            if not action.id:
                raise _invalid(EMPTY_ACTION_ID, f"actions[{place}].id")
            if len(action.id) > ID_CHARS:
                raise _invalid(f"Action ids have at most {ID_CHARS} characters.", f"actions[{place}].id")
            if action.features == NONE_GIVEN:
                raise _invalid(NO_FEATURE, f"actions[{place}].features")
            actions.append(WireAction(action.id, self._lists.action(action.features, place)))
        return actions


def rank_answer(decision: Decision) -> RankAnswer:
    """The answer that a logged decision of one slot stands for."""
    chosen, propensity = decision.chosen[0], decision.propensities[0]
    stored = np.frombuffer(decision.likely, "<f4").tolist() or [0.0] * len(decision.action_ids)
    likely = [float(f"{value:.{N_DIGITS}g}") for value in stored]
    likely[chosen] = propensity
    ranking = ranked(decision.action_ids, likely, chosen, frozenset(decision.slots[0].excluded))
    return RankAnswer(ranking, decision.event_id, decision.action_ids[chosen])


def multi_slot_answer(decision: Decision) -> MultiSlotAnswer:
    """The answer that a logged decision of several slots stands for."""
    slots = [
        SlotAnswer(slot.id, decision.action_ids[index])
        for slot, index in zip(decision.slots, decision.chosen, strict=True)
    ]
    return MultiSlotAnswer(slots, decision.event_id)


def _checked_event_id(event_id: str | None) -> str | None:
    if event_id is not None and not event_id.strip():
        raise _invalid(EMPTY_EVENT_ID, "eventId")
    if event_id is not None and len(event_id) > ID_CHARS:
        raise _invalid(f"EventId has at most {ID_CHARS} characters.", "eventId")
    return event_id


def _checked_slots(asked: Sequence[AzureSlot | None], places: dict[str, int]) -> list[AzureSlot]:
    slots = [slot for slot in asked if slot is not None]
    if not asked:
        raise _invalid(NO_SLOTS, "slots")
    if len(slots) < len(asked):
        raise _invalid(NULL_SLOT, "slots")
    if len(slots) > len(places):
        raise _invalid(SLOT_COUNT, "slots")
    ids = [slot.id for slot in slots]
    if any(not one or len(one) > ID_CHARS for one in ids) or len(set(ids)) < len(ids):
        raise _invalid(SLOT_IDS, "slots")
    baselines = [slot.baseline_action for slot in slots]
    if any(one not in places for one in baselines) or len(set(baselines)) < len(baselines):
        raise _invalid(SLOT_BASELINE, "slots")
    for slot in slots:
        excluded = slot.excluded_actions or []
        if any(one not in places for one in excluded):
            raise _invalid(SLOT_EXCLUDED, "slots")
        if slot.baseline_action in excluded:
            raise _invalid(BASELINE_EXCLUDED, "slots")
    return slots


def _invalid(message: str, target: str) -> AzureError:
    return AzureError(400, "InvalidRankRequest", message, target=target)
