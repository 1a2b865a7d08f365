"""What a request asks for, checked against the loop's limits and against itself.

In: a parsed ``SlateRequest``. Out: distinct action ids, the slots, and the masks of what each may hold; or the refusal
that says which field is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np

from agent.loops import LimitSettings
from agent.records import SlotRecord
from policies.base import Mask, Slot
from serve_app.errors import UnprocessableError, shown
from serve_app.rows import read_features
from serve_app.wire import SlateRequest, WireAction, WireSlot


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request's actions and slots.

    Attributes:
        records: The slots as the log keeps them.
        masks: One (n_actions,) for each slot, or None where nothing is excluded.
    """

    action_ids: tuple[str, ...]
    slots: Sequence[Slot]
    records: tuple[SlotRecord, ...]
    masks: Sequence[Mask] | None


def resolve(request: SlateRequest, limits: LimitSettings) -> Asked:
    """Check and resolve.

    Raises:
        UnprocessableError: too many of something, an id twice, more slots than actions, wrong slot features.
    """
    _check_counts(request, limits)
    ids = _distinct_ids(request.actions)
    if isinstance(request.slots, int) and not request.exclude:
        return Asked(tuple(ids), *_numbered(request.slots), None)
    return _filled(request, ids, limits)


def _check_counts(request: SlateRequest, limits: LimitSettings) -> None:
    n_slots = request.slots if isinstance(request.slots, int) else len(request.slots)
    n_actions = len(request.actions)
    if n_actions > limits.actions:
        raise _beyond("actions", n_actions, limits.actions)
    if n_slots > limits.slots:
        raise _beyond("slots", n_slots, limits.slots)
    if n_slots > n_actions:
        raise UnprocessableError(
            f"{shown(n_slots)} slots can't be filled from {n_actions} actions without repeats",
            field="slots", value=shown(n_slots), cure="ask for fewer slots, or offer more actions",
        )  # fmt: skip


def _beyond(field: str, n: int, limit: int) -> UnprocessableError:
    cure = f"send at most {limit}, or raise limits.{field} in the loop's settings"
    return UnprocessableError(f"{shown(n)} {field}: this loop takes {limit}", field=field, value=shown(n), cure=cure)


def _distinct_ids(actions: Sequence[str | WireAction]) -> list[str]:
    ids = [action if isinstance(action, str) else action.id for action in actions]
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        for place, action_id in enumerate(ids):
            if action_id in seen:
                cure = "offer each action once"
                raise UnprocessableError(
                    "this action was offered before", field=f"actions[{place}].id", value=shown(action_id), cure=cure
                )
            seen.add(action_id)
    return ids


@lru_cache(maxsize=128)
def _numbered(n_slots: int) -> tuple[tuple[Slot, ...], tuple[SlotRecord, ...]]:
    """Slots asked for by their number alone."""
    slots = tuple(Slot(str(number)) for number in range(n_slots))
    return slots, tuple(SlotRecord(slot.id) for slot in slots)


def _filled(request: SlateRequest, ids: Sequence[str], limits: LimitSettings) -> Asked:
    """Slots with features or exclusions of their own, or a request with exclusions."""
    slots, wire = _wire_slots(request, limits)
    places = {action_id: place for place, action_id in enumerate(ids)}
    excluded = [_places([*request.exclude, *one.exclude], places) for one in wire]
    records = tuple(SlotRecord(one.id, bytes(one.features), out) for one, out in zip(wire, excluded, strict=True))
    masks = [_mask(len(ids), out) for out in excluded] if any(excluded) else None
    return Asked(tuple(ids), slots, records, masks)


def _wire_slots(request: SlateRequest, limits: LimitSettings) -> tuple[Sequence[Slot], Sequence[WireSlot]]:
    if isinstance(request.slots, int):
        slots = _numbered(request.slots)[0]
        return slots, [WireSlot(slot.id) for slot in slots]
    _check_slot_ids([one.id for one in request.slots])
    checked = [
        Slot(one.id, read_features(one.features, limits, field=f"slots[{number}].features"))
        for number, one in enumerate(request.slots)
    ]
    return checked, request.slots


def _places(excluded: Sequence[str], places: dict[str, int]) -> tuple[int, ...]:
    """Indices of the excluded actions; ids that were not offered need no exclusion."""
    return tuple(sorted({places[action_id] for action_id in excluded if action_id in places}))


def _mask(n_actions: int, excluded: tuple[int, ...]) -> Mask:
    mask = np.ones(n_actions, dtype=np.bool_)
    mask[list(excluded)] = False
    return mask


def _check_slot_ids(slot_ids: Sequence[str]) -> None:
    for number, slot_id in enumerate(slot_ids):
        if slot_id in slot_ids[:number]:
            raise UnprocessableError(
                "two slots have the same id", field=f"slots[{number}].id", value=shown(slot_id), cure="name each once"
            )
