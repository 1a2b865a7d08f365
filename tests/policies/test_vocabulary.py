"""Coordinates of one side: given in order, scaled, shared when they run out, and never a failure."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.entries import NULL, entries
from policies.vocabulary import ABSENT, N_BUCKETS, Vocabulary


def taught(rows: list[dict[str, Any]], limit: int = 32) -> tuple[Vocabulary, Counter[str]]:
    """A vocabulary that met and measured rows one by one."""
    found, troubles = Vocabulary(limit), Counter[str]()
    for row in map(entries, rows):
        found.meet([row], troubles)
        found.measure([row])
        found.refresh()
    return found, troubles


def test_numbers_are_scaled_and_words_are_1() -> None:
    found, _ = taught([{"n": 10.0, "w": "a"}, {"n": 30.0, "w": "b"}])
    assert found.names == ["n", ("w", "a"), ("w", "b")]
    assert_allclose(found.vector(entries({"n": 40.0, "w": "b"})), [2.0, 0.0, 1.0])


def test_unknown_names_and_words_are_left_out() -> None:
    found, _ = taught([{"n": 10.0, "w": "a"}, {"n": 30.0}])
    assert_allclose(found.vector(entries({"m": 5.0, "n": 30.0, "w": "new"})), [1.0, 0.0])


def test_rows_are_measured_alike_one_by_one_or_together() -> None:
    rows = [{"a": float(n), "b": n * n} if n % 3 else {"a": 2.0 * n} for n in range(30)]
    one, _ = taught(rows)
    together = Vocabulary(32)
    together.meet([entries(row) for row in rows], Counter())
    together.measure([entries(row) for row in rows])
    together.refresh()
    for row in rows:
        assert_allclose(one.vector(entries(row))[:2], together.vector(entries(row))[:2], atol=1e-12)


def test_a_missing_number_is_average_and_flagged() -> None:
    found, troubles = taught([{"n": 1.0}, {"n": 5.0}, {"n": 3.0}, {}])
    assert found.names == ["n", ("n", ABSENT)]
    assert troubles["absent: a number that is usually there"] == 1
    assert_array_equal(found.vector(entries({})), [0.0, 1.0])
    assert_array_equal(found.vector(entries({"n": 3.0})), [0.0, 0.0])


def test_a_number_that_is_rare_is_not_missed() -> None:
    found, troubles = taught([{"x": 1.0}, {"x": 2.0}, {"n": 4.0}, {"x": 1.0}, {}])
    assert ("n", ABSENT) not in found.names
    assert troubles["absent: a number that is usually there"] == 2  # x, twice; n never
    assert troubles["new: a name or a word that was never seen before"] == 2


def test_null_is_a_word() -> None:
    found, _ = taught([{"n": None}, {"n": 1.0}])
    assert found.names[0] == ("n", NULL)


def test_a_changed_type_is_counted_each_time_and_has_a_coordinate() -> None:
    found, troubles = taught([{"n": 1.0}, {"n": "one"}, {"n": 2.0}, {"n": "one"}])
    assert troubles["type: a feature was a number and is a string, or the reverse"] == 2
    assert found.vector(entries({"n": "one"}))[found.names.index(("n", "one"))] == 1.0


def test_beyond_the_limit_words_and_numbers_share() -> None:
    found, troubles = taught([{"w": f"v{number}", "n": 1.0} for number in range(100)] + [{"late": 3.0}], limit=10)
    assert 10 < len(found) <= 10 + N_BUCKETS
    assert troubles["dimension limit: a feature shares a coordinate with others"] == 100 - 9 + 1
    shared = found.vector(entries({"w": "v50"}))
    assert np.count_nonzero(shared[10:]) == 1
    assert np.count_nonzero(found.vector(entries({"late": 3.0}))[10:]) == 1
    assert_array_equal(shared, found.vector(entries({"w": "v50"})))


@pytest.mark.parametrize("limit", [4, 32])
def test_bytes_bring_it_all_back(limit: int) -> None:
    rows: list[dict[str, Any]] = [{"n": float(n), "w": f"v{n}", "m": n * 2.0} for n in range(9)]
    found, _ = taught([*rows, {"n": "x"}, {"w": 3.0}], limit)
    again = Vocabulary.from_parts(found.to_parts())
    for each in (found, again):
        each.meet([entries({"n": "x", "new": 1.0})], Counter())
        each.measure([entries({"n": 4.0})])
        each.refresh()
    assert again.to_parts() == found.to_parts()
    assert_array_equal(again.vector(entries(rows[3])), found.vector(entries(rows[3])))
