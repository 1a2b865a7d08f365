"""Requests as vectors: the same while learning and serving, bounded, and never a failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace as changed
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import DERIVED, Action, Context, Lesson, PolicyError, Slate, Slot
from policies.encoder import CONTEXT, GROUPS, PRODUCT, Encoder
from policies.rates import ItemRates
from policies.vocabulary import N_BUCKETS
from tests.contracts.policy_contract import HOSTILE
from tests.policies.offers import SLOTS, lessons, offer

JSON = dict[str, Any]


def taught(n: int = 60, **options: Any) -> Encoder:
    found = Encoder(**options)
    for lesson in lessons(n):
        found.observe(lesson)
    return found


def lesson(context: JSON, *actions: JSON) -> Lesson:
    """A lesson in which every action was shown, in order."""
    offered = [Action(f"a{i}", row) for i, row in enumerate(actions)]
    n = len(offered)
    slots = [Slot(str(number)) for number in range(n)]
    return Lesson(Context(context), offered, slots, Slate(tuple(range(n)), (0.5,) * n), [0.0] * n)


def test_what_is_learned_is_what_is_served() -> None:
    """Each row that a lesson taught is the row that a replica encodes for the same action in the same slot."""
    encoder = Encoder(64)
    for one in lessons(230, slots=[SLOTS[0], Slot("hero", {"size": "big"}), SLOTS[2]]):
        z, x = encoder.observe(one)
        replica = Encoder.from_bytes(encoder.to_bytes())
        chosen = [one.actions[index] for index in one.slate.chosen]
        for number, slot in enumerate(one.slots):
            served, own = replica.encode(one.context, chosen, slot=slot, number=number)
            assert_allclose(served[number], z[number], atol=1e-12)
            assert_allclose(own, x[number], atol=1e-12)


def test_every_row_is_finite_and_bounded() -> None:
    encoder = taught(300)
    z, x = encoder.encode(*offer(10, 5))
    assert z.shape == (10, encoder.n_shared)
    assert x.shape == (encoder.n_own,)
    assert np.all(np.isfinite(z))
    assert np.abs(z).max() <= 36.0
    assert np.abs(x).max() <= 6.0


def test_rows_do_not_depend_on_the_others() -> None:
    encoder, (context, actions) = taught(), offer(6, 9)
    whole, _ = encoder.encode(context, actions)
    for i, action in enumerate(actions):
        assert_allclose(encoder.encode(context, [action])[0][0], whole[i], atol=1e-12)


def test_a_slot_adds_its_number_and_what_it_says() -> None:
    encoder = taught()
    context, actions = offer(2)
    plain, _ = encoder.encode(context, actions)
    for number in range(3):
        found, _ = encoder.encode(context, actions, slot=SLOTS[number], number=number)
        assert_array_equal(np.flatnonzero((found != plain).any(axis=0)), [encoder.slot_coordinates[number]])
    found, _ = encoder.encode(context, actions, slot=Slot("49"), number=49)
    assert found[0, encoder.slot_coordinates[-1]] == 1.0


def test_slots_with_features_are_told_apart() -> None:
    encoder = Encoder()
    for one in lessons(40, slots=[Slot("hero", {"size": "big"}), Slot("1"), Slot("foot")]):
        encoder.observe(one)
    context, actions = offer(3)
    names = encoder.context.names
    _, hero = encoder.encode(context, actions, slot=Slot("hero", {"size": "big"}), number=0)
    assert hero[1 + names.index(("\0slot.features.size", "big"))] == 1.0
    _, plain = encoder.encode(context, actions, slot=Slot("0"), number=0)
    assert plain[1 + names.index(("\0slot.features.size", "big"))] == 0.0


def test_derived_features_are_scaled_and_absent_ones_are_0() -> None:
    encoder, rates = taught(100), ItemRates()
    for number in range(50):
        rates.observe(f"a{number % 3}", float(number % 3 == 0))
    context, actions = offer(4, 1, rates)
    with_rates, _ = encoder.encode(context, actions)
    bare = [changed(action, derived=()) for action in actions]
    without, _ = encoder.encode(context, bare)
    differs = np.flatnonzero((with_rates != without).any(axis=0))
    assert 0 < len(differs) <= len(DERIVED)
    assert_array_equal(without[:, differs], 0.0)
    short, _ = encoder.encode(context, [changed(action, derived=action.derived[:2]) for action in actions])
    assert_array_equal(short[:, differs[:2]], with_rates[:, differs[:2]])
    mixed, _ = encoder.encode(context, [actions[0], bare[1]])
    assert_array_equal(mixed, [with_rates[0], without[1]])


def test_products_of_what_several_actions_hold() -> None:
    encoder = Encoder()
    for n in range(40):
        encoder.observe(lesson({"hour": float(n % 7)}, {"topic": "x", "name": "one"}, {"topic": "x", "name": "two"}))
    assert encoder.groups().tolist().count(PRODUCT) == 1  # hour x topic; a name says no more than an id
    z, _ = encoder.encode(Context({"hour": 6.0}), [Action("a", {"topic": "x"}), Action("b", {"name": "one"})])
    product = encoder.groups().tolist().index(PRODUCT)
    assert z[0, product] > 1.0
    assert z[1, product] == 0.0


def test_where_ids_do_not_count_names_do() -> None:
    encoder = Encoder(ids_count=False)
    for n in range(40):
        encoder.observe(lesson({"hour": float(n % 7)}, {"name": "one"}, {"name": "two"}))
    assert encoder.groups().tolist().count(PRODUCT) == 2


def test_groups_may_be_left_out() -> None:
    encoder = taught(groups=GROUPS[:2])
    assert set(encoder.groups().tolist()) == {0, CONTEXT}
    assert Encoder.from_bytes(encoder.to_bytes()).to_bytes() == encoder.to_bytes()


@pytest.mark.parametrize("dimensions", [16, 64, 256])
def test_dimensions_are_bounded_whatever_comes(dimensions: int) -> None:
    encoder = Encoder(dimensions)
    for n in range(120):
        context = {f"c{n}": float(n), "word": f"w{n}", "n": n}
        encoder.observe(lesson(context, {f"a{n}": 1.0, "tags": [f"t{n}", f"u{n}", "same"]}, {"tags": [f"t{n}"]}))
    assert encoder.n_shared <= dimensions
    z, x = encoder.encode(Context({"word": "never"}), [Action("a", {"tags": ["never", "t3"]})])
    assert z.shape == (1, encoder.n_shared)
    assert len(x) == encoder.n_own <= 1 + max(8, dimensions // 2) + N_BUCKETS
    assert "dimension limit: a feature shares a coordinate with others" in encoder.trouble()


def test_trouble_is_counted_by_reason_and_nothing_fails() -> None:
    encoder = Encoder()
    rows: list[JSON] = [{"n": 1.0}, {"n": 2.0}, {"n": "many"}, {"n": float("nan")}, {}, {"n": None}, {"n": [1, 2]}]
    for row in rows:
        encoder.observe(lesson(row, row))
    assert encoder.trouble() == {
        "absent: a number that is usually there": 6,  # Both sides, until it is there in less than half of the rows.
        "new: a name or a word that was never seen before": 2 * 5,  # n, n[0], n[1], n is many, n is null
        "type: a feature was a number and is a string, or the reverse": 2,
        "value: not a finite number, or of no known type": 2,
    }


def test_hostile_features_are_features() -> None:
    encoder = Encoder(64)
    for text in HOSTILE:
        row = {text: text, "tags": list(HOSTILE), "n": 1e300, "huge": 10**400, "inner": {text: 1.0}}
        encoder.observe(lesson(row, row, {}))
        z, x = encoder.encode(Context(row), [Action(text, row)])
        assert np.all(np.isfinite(z))
        assert np.all(np.isfinite(x))


def test_the_same_lessons_give_the_same_bytes_and_resume_in_the_middle() -> None:
    many = lessons(150, seed=3)
    undisturbed, resumed = Encoder(48), Encoder(48)
    for place, one in enumerate(many):
        z, x = undisturbed.observe(one)
        again_z, again_x = resumed.observe(one)
        assert_array_equal(z, again_z)
        assert_array_equal(x, again_x)
        if place % 7 == 0:
            resumed = Encoder.from_bytes(resumed.to_bytes())
    assert resumed.to_bytes() == undisturbed.to_bytes()


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x91\x01", b"nonsense"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="encoder"):
        Encoder.from_bytes(data)


def test_asking_changes_nothing() -> None:
    encoder = taught()
    before = encoder.to_bytes()
    for seed in range(20):
        context, actions = offer(5, seed)
        encoder.encode(context, [*actions, Action("new", {"never": "seen", "price": "free"})], slot=Slot("x"), number=4)
    assert encoder.to_bytes() == before
