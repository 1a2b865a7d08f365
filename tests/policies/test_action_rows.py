"""Rows of actions, from memory or not."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.action_rows import ActionRows
from policies.base import Action
from policies.vocabulary import Vocabulary
from tests.policies.offers import offer


def words(actions: list[Action]) -> Vocabulary:
    found, rows = Vocabulary(64), ActionRows()
    told = [rows.entries(action) for action in actions]
    found.meet(told, Counter())
    found.measure(told)
    found.refresh()
    return found


@pytest.mark.parametrize("n_kept", [2, 7, 4096])
def test_memory_changes_no_row(n_kept: int) -> None:
    actions = offer(12, 3)[1]
    known, rows = words(actions), ActionRows(n_kept)
    for seed in range(20):
        some = [actions[place] for place in np.random.default_rng(seed).permutation(12)[: 1 + seed % 12]]
        expected = [known.vector(ActionRows().entries(action)) for action in some]
        assert_array_equal(rows.of(some, known), expected)


def test_an_action_without_an_address_is_never_remembered() -> None:
    actions = offer(3)[1]
    known, rows = words(actions), ActionRows()
    plain = [Action("x", action.features) for action in actions]
    assert_array_equal(rows.of(plain, known), rows.of(actions, known))


def test_the_same_action_twice_in_a_request() -> None:
    actions = offer(2)[1]
    known, rows = words(actions), ActionRows()
    found = rows.of([actions[0], actions[1], actions[0]], known)
    assert_array_equal(found[0], found[2])
    assert_array_equal(rows.of([actions[1]], known)[0], found[1])


def test_no_actions_have_no_rows() -> None:
    assert ActionRows().of([], words(offer(2)[1])).shape[0] == 0
