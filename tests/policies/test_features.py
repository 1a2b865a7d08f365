"""Features: what passes, what is refused and how, and text that no value can break."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.features import LARGEST, FeatureError, address, canonical, check, vw_text, vw_word

steady = settings(deadline=None, derandomize=True)

LIMITS = {"n_features": 20, "string_bytes": 16, "nesting": 3}

ROW = {
    "topic": "sport",
    "age_h": 3.25,
    "n": 3,
    "live": True,
    "none": None,
    "tags": ["cup", "live", "cup"],
    "vector": [0.5, -1, 0],
    "user": {"tier": "gold", "home": {"city": "Köln"}},
}

words = st.text(max_size=8)
rows = st.recursive(
    st.one_of(
        words,
        st.booleans(),
        st.floats(-1e5, 1e5, allow_nan=False),
        st.integers(-1000, 1000),
        st.lists(words, max_size=3),
        st.lists(st.integers(-9, 9), max_size=3),
    ),
    lambda inner: st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


def test_every_kind_of_value_becomes_text() -> None:
    assert vw_text(ROW).split(" ") == [
        "topic=sport",
        "age_h:3.25",
        "n:3",
        "live=true",
        "tags=cup",
        "tags=live",
        "vector[0]:0.5",
        "vector[1]:-1",
        "vector[2]:0",
        "user.tier=gold",
        "user.home.city=Köln",
    ]


def test_special_characters_are_escaped() -> None:
    assert vw_word("a|b c:d\ne\tf%g\u2028h\ud800") == "a%7Cb%20c%3Ad%0Ae%09f%25g%u2028h%uD800"
    assert vw_text({"a.b": "x=y", "a=b": 1, "": "", "c[0]": 2}) == "a%2Eb=x=y a%3Db:1 %= c%5B0]:2"


@steady
@given(rows)
def test_text_has_one_word_for_each_value_and_no_special_character(row: dict[str, Any]) -> None:
    text = vw_text(row)
    assert not set(text) & set("|\n\t\r\x0b\x0c\x00\x1c\x85\xa0\u2028")
    for word in text.split():
        name, _, value = word.partition(":")
        assert "=" in name or float(value) == float(value)
        assert ":" not in value
    assert text == text.strip()


@steady
@given(st.dictionaries(words, words, max_size=3), st.dictionaries(words, words, max_size=3))
def test_different_rows_have_different_texts(left: dict[str, str], right: dict[str, str]) -> None:
    assert (sorted(vw_text(left).split(" ")) == sorted(vw_text(right).split(" "))) == (left == right)


def test_nesting_and_dots_in_names_stay_apart() -> None:
    assert vw_text({"a": {"b": 1}}) != vw_text({"a.b": 1})
    assert vw_text({"a": [1]}) != vw_text({"a[0]": 1})


@pytest.mark.parametrize("value", [10**400, 1e300, float("inf"), 2**70])
def test_huge_numbers_saturate(value: float) -> None:
    assert vw_text({"x": value, "y": -value}) == "x:1000000 y:-1000000"


@pytest.mark.parametrize("value", [8e-193, -1e-40, 5e-324, float("nan")])
def test_numbers_that_would_become_nan_are_zero(value: float) -> None:
    assert vw_text({"x": value}) == "x:0"


def test_numbers_keep_what_float32_can_hold() -> None:
    assert vw_text({"a": 1 / 3, "b": -1e-6, "c": 2.5e-7}) == "a:0.333333333 b:-1e-06 c:0"


@steady
@given(rows)
def test_canonical_bytes_do_not_depend_on_order(row: dict[str, Any]) -> None:
    turned = dict(reversed(row.items()))
    assert canonical(row) == canonical(turned)
    assert json.loads(canonical(row)) == row


def test_the_address_is_twelve_bytes_of_blake2b() -> None:
    assert canonical({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'.encode()
    assert address(b"{}") == blake2b(b"{}", digest_size=12).digest()
    assert address(canonical({"a": 1})) != address(canonical({"a": 2}))


def test_a_good_row_passes_at_its_very_limits() -> None:
    check(ROW, n_features=13, string_bytes=8, nesting=3)


@pytest.mark.parametrize(
    ("limits", "path"),
    [
        ({"n_features": 12}, "user.home.city"),
        ({"string_bytes": 5}, "vector"),
        ({"string_bytes": 4}, "topic"),
        ({"nesting": 2}, "user.home"),
        ({"nesting": 1}, "user"),
    ],
)
def test_one_beyond_a_limit_is_refused_where_it_stands(limits: dict[str, int], path: str) -> None:
    with pytest.raises(FeatureError) as caught:
        check(ROW, **{"n_features": 13, "string_bytes": 8, "nesting": 3} | limits)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ([1], ""),
        ("text", ""),
        (None, ""),
        ({"a": float("nan")}, "a"),
        ({"a": {"b": [1.0, float("inf")]}}, "a.b[1]"),
        ({"a": LARGEST * 2}, "a"),
        ({"a": 10**400}, "a"),
        ({"a": ["x", 1]}, "a[1]"),
        ({"a": [1, "x"]}, "a[1]"),
        ({"a": [True]}, "a[0]"),
        ({"a": [None]}, "a[0]"),
        ({"a": [[1]]}, "a[0]"),
        ({"a": [{"b": 1}]}, "a[0]"),
        ({"a": object()}, "a"),
        ({1: 2}, "1"),
        ({"a": "\ud800"}, "a"),
        ({"\ud800": 1}, r"\ud800"),
        ({"a": "x" * 17}, "a"),
        ({"a": "ü" * 9}, "a"),
        ({"a": 10**5000}, "a"),
        ({"x" * 900: 1}, "x" * 77 + "..."),
        ({"x" * 17: 1}, "x" * 17),
        ({"a": ["x", "y" * 17]}, "a[1]"),
        ({"a": list(range(21))}, "a[20]"),
        ({f"k{n}": 1 for n in range(21)}, "k20"),
        ({f"k{n}": {} for n in range(21)}, "k20"),
        ({"a": {"b": {"c": {"d": 1}}}}, "a.b.c"),
        ({"a": {"b": {"c": {}}}}, "a.b.c"),
    ],
)
def test_what_is_no_feature_is_refused_with_path_value_and_cure(row: Any, path: str) -> None:
    with pytest.raises(FeatureError) as caught:
        check(row, **LIMITS)
    assert caught.value.path == path
    assert caught.value.cure in str(caught.value)
    assert len(str(caught.value)) < 400
    str(caught.value).encode()


@steady
@given(rows)
def test_what_passes_can_always_be_used(row: dict[str, Any]) -> None:
    try:
        check(row, **LIMITS)
    except FeatureError:
        return
    assert json.loads(canonical(row)) == row
    vw_text(row).encode()
