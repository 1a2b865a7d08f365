"""What of an item's features is a tag."""

from __future__ import annotations

from policies import tags
from policies.tags import LONGEST, N_ITEM_TAGS, tags_of


def test_strings_and_lists_of_strings_are_tags_and_nothing_else_is() -> None:
    plain = {"topic": "sport", "tags": ["cup", "live"], "author": {"name": "x"}}
    assert len(set(tags_of(plain))) == 4
    others = {"price": 3.5, "new": True, "unknown": None, "sizes": [1, 2], "inner": {"n": 1}, "text": "x" * 65}
    assert tags_of({**plain, **others}) == tags_of(plain)
    assert tags_of(others) == ()
    assert tags_of({"text": "x" * LONGEST}) != ()


def test_the_order_of_features_changes_nothing() -> None:
    assert tags_of({"a": "x", "b": ["y", "z"]}) == tags_of({"b": ["y", "z"], "a": "x"})


def test_names_and_values_are_told_apart() -> None:
    told = [{"a": "b=c"}, {"a=b": "c"}, {"a.b": "c"}, {"a": "c"}, {"b": "c"}, {"a": "\udc80"}]
    assert len({tags_of(each) for each in told}) == len(told)
    assert tags_of({"a": {"b": "c"}}) == tags_of({"a.b": "c"})


def test_tags_are_the_same_in_every_process() -> None:
    """They are part of training states and of users' rows."""
    assert tags_of({"genres": ["drama"]}) == (0xA43B9298DEDB9600,)


def test_at_most_so_many_and_each_once() -> None:
    assert len(tags_of({"tags": [str(number) for number in range(40)]})) == N_ITEM_TAGS
    assert len(tags_of({"tags": ["a", "a", "a"]})) == 1


def test_a_row_is_looked_at_once_and_memory_is_bounded() -> None:
    assert tags_of({"a": "x"}, b"key of the row") == tags_of({"a": "never looked at"}, b"key of the row")
    for number in range(21_000):
        tags_of({}, number.to_bytes(12, "big"))
    assert len(tags._known) <= 20_000
