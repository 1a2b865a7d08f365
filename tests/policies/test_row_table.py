"""Rows under keys: found again at their places, whatever the room, until they are forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.row_table import RowTable


@pytest.mark.parametrize("n_kept", [1, 5, 70, 4096])
def test_what_is_known_is_what_was_kept(n_kept: int) -> None:
    table, dice = RowTable[int](n_kept), np.random.default_rng(3)
    for _ in range(60):
        keys = [int(key) for key in dice.permutation(200)[: dice.integers(1, 9)]]
        rows = np.array([[key, 2.0 * key] for key in keys])
        table.keep({key: i for i, key in enumerate(keys) if key not in table.places}, rows)
        for key, place in table.places.items():
            assert_array_equal(table.rows[place], [key, 2.0 * key])
        assert len(table.places) <= max(n_kept, len(keys))


def test_it_grows_as_far_as_its_room_and_then_begins_again() -> None:
    table = RowTable[int](100)
    for key in range(100):
        table.keep({key: 0}, np.full((1, 1), float(key)))
    assert list(table.places) == list(range(100))
    table.keep({100: 0, 101: 0}, np.full((1, 1), 7.0))
    assert table.places == {100: 0, 101: 1}
    assert_array_equal(table.rows[:2], [[7.0], [7.0]])


def test_after_forgetting_rows_may_have_another_length() -> None:
    table = RowTable[str]()
    table.keep({"a": 0}, np.ones((1, 3)))
    table.forget()
    assert table.places == {}
    table.keep({"b": 1}, np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert_array_equal(table.rows[table.places["b"]], [3.0, 4.0])
