"""Places of actions' own weights."""

from __future__ import annotations

from policies.own_index import OwnIndex


def test_places_are_given_in_order_and_kept() -> None:
    index = OwnIndex()
    assert [index.place(id) for id in "ab"] == [0, 0]
    index.add("a")
    index.add("b")
    index.add("a")
    assert [index.place(id) for id in "abc"] == index.places("abc") == [0, 1, 2]
    assert OwnIndex(index.ids()).place("b") == 1


def test_once_full_the_rest_share() -> None:
    index = OwnIndex(["a", "b", "c"], is_full=True)
    index.add("d")
    assert index.ids() == ["a", "b", "c"]
    assert {index.place(f"new {number}") for number in range(50)} == {0, 1, 2}
    assert index.place("new 7") == OwnIndex(["a", "b", "c"], is_full=True).place("new 7")
    assert index.place("b") == 1
    ids = ["c", "new 7", "a"]
    assert index.places(ids) == [index.place(id) for id in ids]


def test_cleared_nobody_has_a_place() -> None:
    index = OwnIndex(["a"])
    index.clear()
    assert (len(index), index.place("a")) == (0, 0)
