"""The context as each slot of a request sees it.

In: a context and slots. Out: entries. A slot that says nothing but its number sees the context as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from policies.base import Context, Slot
from policies.entries import Entries, entries


def slot_entries(context: Context, slot: Slot, number: int) -> Entries:
    """A context as one slot sees it: its own features beside the request's; a plain slot adds nothing."""
    if is_plain(slot, number):
        return entries(context.features)
    named = {} if slot.id == str(number) else {"id": slot.id}
    return entries({**context.features, "\0slot": {**named, "features": slot.features}})


def is_plain(slot: Slot, number: int) -> bool:
    """Whether a slot says nothing but its number."""
    return not slot.features and slot.id == str(number)


def slot_views(context: Context, slots: Sequence[Slot]) -> list[Entries]:
    """The context as each slot sees it; one object for all that see it alike."""
    plain = entries(context.features)
    return [
        plain if is_plain(slot, number) else slot_entries(context, slot, number) for number, slot in enumerate(slots)
    ]


def runs(views: Sequence[Entries]) -> list[slice]:
    """Neighbouring slots with the same view."""
    if all([view is views[0] for view in views]):
        return [slice(0, len(views))] if views else []
    starts = [i for i, view in enumerate(views) if not i or view is not views[i - 1]]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(views)], strict=True)]
