"""Segments: what follows each step."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from tests.policies.neural.segments import segment


def test_values_go_on_with_the_same_user_where_an_episode_was_cut() -> None:
    made = segment(n_steps=3, n_users=2, cut=((1, 0), (2, 1)))
    values = np.arange(8, dtype=np.float32).reshape(4, 2)
    found = made.next_values(values, np.array([10.0, 20.0], dtype=np.float32))
    assert_array_equal(found, [[2, 3], [10, 5], [6, 20]])
    assert_array_equal(values, np.arange(8).reshape(4, 2))


def test_steps_are_counted_over_users() -> None:
    assert segment(n_steps=3, n_users=2).n_steps == 6
