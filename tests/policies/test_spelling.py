from __future__ import annotations

import pytest

from policies.spelling import meant

KINDS = ("uniform", "order", "popularity", "vw", "linear", "gradient", "slateq")


@pytest.mark.parametrize(
    ("word", "likely"),
    [("liner", "linear"), ("Linear", "linear"), ("slate-q", "slateq"), ("populatiry", "popularity")],
)
def test_a_misspelt_name_is_answered_with_the_one_that_is_like_it(word: str, likely: str) -> None:
    assert meant(word, KINDS) == f" (did you mean {likely}?)"


@pytest.mark.parametrize("word", ["dqn", "", 3, None, "x" * 1_000_000])
def test_what_is_like_nothing_is_left_alone(word: object) -> None:
    assert meant(word, KINDS) == ""


def test_it_is_written_as_it_is_to_be_written_there() -> None:
    assert meant("liner", KINDS, written=lambda kind: f"--{kind}") == " (did you mean --linear?)"


def test_where_there_is_nothing_nothing_is_meant() -> None:
    assert meant("linear", ()) == ""
