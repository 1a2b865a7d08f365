"""The context as each slot sees it."""

from __future__ import annotations

from policies.base import Context, Slot
from policies.entries import entries
from policies.slot_views import is_plain, runs, slot_entries, slot_views

CONTEXT = Context({"device": "phone", "slot": 3.0})


def test_a_plain_slot_adds_nothing() -> None:
    assert is_plain(Slot("2"), 2)
    assert slot_entries(CONTEXT, Slot("2"), 2) == entries(CONTEXT.features)


def test_a_name_and_features_are_added_beside_the_requests_own() -> None:
    found = slot_entries(CONTEXT, Slot("hero", {"size": "big", "n": 2.0}), 0)
    assert ("\0slot.id", "hero") in found.words
    assert ("\0slot.features.size", "big") in found.words
    assert found.numbers == {"slot": 3.0, "\0slot.features.n": 2.0}


def test_slots_that_see_alike_share_a_view() -> None:
    slots = [Slot("0"), Slot("1"), Slot("hero"), Slot("3"), Slot("4")]
    views = slot_views(CONTEXT, slots)
    assert runs(views) == [slice(0, 2), slice(2, 3), slice(3, 5)]
    assert views[0] is views[4]
