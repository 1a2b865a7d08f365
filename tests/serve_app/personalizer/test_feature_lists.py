from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.feature_lists import (
    EMPTY_NAME,
    MIXED_LIST,
    NO_FEATURE,
    NONE_GIVEN,
    NOT_PAIRS,
    NULL_CONTEXT,
    FeatureLists,
)


def raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


def merged(value: Any) -> Any:
    return json.loads(bytes(FeatureLists().context(raw(value))))


def test_a_list_of_objects_becomes_one() -> None:
    assert merged([{"user": {"tier": "gold", "visits": 7}}, {"daypart": "evening"}]) == {
        "user": {"tier": "gold", "visits": 7},
        "daypart": "evening",
    }


def test_objects_of_one_name_are_united_and_strings_of_one_name_are_all_kept() -> None:
    assert merged([{"u": {"a": 1, "t": "x"}}, {"u": {"b": 2, "t": "y"}}, {"u": {"t": "z"}}]) == {
        "u": {"a": 1, "b": 2, "t": ["x", "y", "z"]}
    }
    assert merged([{"n": 1}, {"n": 2}]) == {"n": 2}


def test_names_that_begin_with_an_underscore_are_passed_over() -> None:
    assert merged([{"_id": 7, "a": 1, "u": {"_x": 1, "y": True}}]) == {"a": 1, "u": {"y": True}}


def test_no_context_is_an_empty_one() -> None:
    lists = FeatureLists()
    assert lists.context(NONE_GIVEN) == lists.slot(NONE_GIVEN, 0) == Raw(b"{}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{"a": 1}, None], NULL_CONTEXT), ({"a": 1}, NOT_PAIRS), ([1], NOT_PAIRS), (["a"], NOT_PAIRS),
        ([{"": 1}], EMPTY_NAME), ([{"u": {"": 1}}], EMPTY_NAME), ([{"a": [1, "x"]}], MIXED_LIST),
        ([{"a": [{}]}], MIXED_LIST), ([{"a": [True]}], MIXED_LIST),
    ],
)  # fmt: skip
def test_contexts_are_refused_with_the_old_words(value: Any, message: str) -> None:
    with pytest.raises(AzureError) as caught:
        FeatureLists().context(raw(value))
    assert (caught.value.message, caught.value.status, caught.value.code) == (message, 400, "InvalidRankRequest")


@pytest.mark.parametrize("value", [[], [None], [None, None]])
def test_an_action_needs_a_feature(value: Any) -> None:
    with pytest.raises(AzureError, match=NO_FEATURE) as caught:
        FeatureLists().action(raw(value), 3)
    assert caught.value.target == "actions[3].features"


def test_what_an_action_may_send_a_context_may_not_even_when_seen_before() -> None:
    lists = FeatureLists()
    assert lists.action(raw([None, {"a": 1}]), 0) == Raw(b'{"a":1}')
    with pytest.raises(AzureError, match=NULL_CONTEXT):
        lists.context(raw([None, {"a": 1}]))
    assert lists.context(raw([])) == Raw(b"{}")
    with pytest.raises(AzureError, match=NO_FEATURE):
        lists.action(raw([]), 0)
    assert lists.slot(raw([]), 0) == Raw(b"{}")
    with pytest.raises(AzureError, match=NO_FEATURE):
        lists.action(raw([]), 0)


def test_number_lists_and_string_lists_pass() -> None:
    assert merged([{"a": [0.1, 2], "b": ["x", "y"]}]) == {"a": [0.1, 2], "b": ["x", "y"]}
    assert json.loads(bytes(FeatureLists().context(raw([{"a": []}])))) == {"a": []}
