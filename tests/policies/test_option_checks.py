"""Checks of options: what fits, what doesn't, and the sentence that says so."""

from __future__ import annotations

from typing import Any

import pytest

from policies.option_checks import (
    TRUTH,
    WIDTHS,
    Check,
    field_problems,
    number,
    one_of,
    or_none,
    unread_problems,
    whole,
)

EXPLORERS = {"greedy": set[str](), "softmax": {"lambda"}, "bag": {"bag", "epsilon"}, "epsilon": {"epsilon"}}


def test_a_misspelt_word_is_answered_with_what_was_meant() -> None:
    (told,) = field_problems({"explorer": or_none(one_of("softmax", "bag"))}, {"explorer": "softmaks"})
    assert told.endswith("(did you mean softmax?)")
    (told,) = field_problems({"explorer": one_of("softmax", "bag")}, {"exploer": "bag"})
    assert told == "options.exploer: no such option; choose from explorer (did you mean explorer?)"


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (one_of("a", "b"), ["a", "b"]),
        (number(0.0, 1.0), [0, 0.0, 0.5, 1, 1.0]),
        (whole(1, 3), [1, 2, 3]),
        (or_none(whole(1, 3)), [None, 1, 3]),
        (TRUTH, [True, False]),
        (WIDTHS, [[], [1], (64, 64), [1024] * 4]),
    ],
)
def test_what_fits_is_no_problem(check: Check, values: list[Any]) -> None:
    assert [problem for value in values for problem in field_problems({"x": check}, {"x": value})] == []


@pytest.mark.parametrize(
    ("check", "values", "cure"),
    [
        (one_of("a", "b"), ["c", "", None, 1, ["a"], {"a"}], "choose one of a, b"),
        (
            number(0.0, 1.0),
            [-1e-9, 1.5, True, False, "0.5", None, float("nan"), float("inf"), [0.5]],
            "must be a number in [0, 1]",
        ),
        (whole(1, 3), [0, 4, 2.0, True, "2", None], "must be a whole number in [1, 3]"),
        (
            or_none(whole(1, 3)),
            [0, 2.0, "none"],
            "must be a whole number in [1, 3], or null for the automatic choice",
        ),
        (TRUTH, [0, 1, "true", None], "must be true or false"),
        (
            WIDTHS,
            [64, "64", None, [0], [1025], [2.0], [True], [1] * 5],
            "must be a list of at most 4 whole numbers in [1, 1024]",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_cure(check: Check, values: list[Any], cure: str) -> None:
    for value in values:
        assert field_problems({"x": check}, {"x": value}) == [f"options.x={value!r}: {cure}"]


def test_a_name_that_nobody_knows_is_told_with_those_there_are() -> None:
    found = field_problems({"x": TRUTH, "y": TRUTH}, {"z": True, "y": 1})
    assert found == ["options.z: no such option; choose from x, y", "options.y=1: must be true or false"]


def test_a_long_value_is_cut() -> None:
    (found,) = field_problems({"x": TRUTH}, {"x": "a" * 1000})
    assert found == f"options.x='{'a' * 59}: must be true or false"


def test_an_option_of_another_explorer_is_told_with_its_readers() -> None:
    assert unread_problems(EXPLORERS, "bag", {"bag": 5, "epsilon": 0.1, "bits": 18}) == []
    assert unread_problems(EXPLORERS, "greedy", {"lambda": 1.0, "epsilon": 0.1}) == [
        "options.epsilon: greedy doesn't read it; remove it or set explorer to bag or epsilon",
        "options.lambda: greedy doesn't read it; remove it or set explorer to softmax",
    ]
