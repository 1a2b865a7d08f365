"""JSON taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from policies.entries import NULL, entries


def test_every_kind_of_value() -> None:
    found = entries(
        {
            "n": 2,
            "f": 0.5,
            "yes": True,
            "w": "red",
            "none": None,
            "tags": ["a", "b"],
            "v": [1, 2.5],
            "o": {"p": {"q": 3}},
        }
    )
    assert found.numbers == {"n": 2, "f": 0.5, "yes": True, "v[0]": 1, "v[1]": 2.5, "o.p.q": 3}
    assert found.words == [("w", "red"), ("none", NULL), ("tags", "a"), ("tags", "b")]
    assert found.n_unusable == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400, 1e19, object(), [float("nan")]])
def test_what_is_no_use_is_counted(value: Any) -> None:
    found = entries({"bad": value, "good": 1.0})
    assert (found.numbers, found.words, found.n_unusable) == ({"good": 1.0}, [], 1)


def test_nothing_is_nothing() -> None:
    assert entries({}) == entries({"a": {}, "b": []})
