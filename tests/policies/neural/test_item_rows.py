"""Rows of actions, kept between requests."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import Action
from policies.neural.dense import DenseEncoder
from policies.neural.forward import Floats
from policies.neural.item_rows import ItemRows
from tests.policies.offers import offer

ACTIONS = offer(12, 3)[1]
ENCODER = DenseEncoder.fitted([offer(6, seed) for seed in range(20)])


def doubled(vector: Floats) -> Floats:
    return np.concatenate([vector, 2.0 * vector])


def expected(actions: list[Action]) -> Floats:
    vectors = ENCODER.actions(actions).astype(np.float64)
    return np.concatenate([vectors, 2.0 * vectors], axis=1)


@pytest.mark.parametrize("n_kept", [2, 7, 4096])
def test_memory_changes_no_row(n_kept: int) -> None:
    rows = ItemRows(ENCODER, doubled, n_kept=n_kept)
    for seed in range(20):
        some = [ACTIONS[place] for place in np.random.default_rng(seed).permutation(12)[: 1 + seed % 12]]
        assert_array_equal(rows.of(some), expected(some))


def test_known_actions_are_not_made_again() -> None:
    made: list[Floats] = []

    def counted(vector: Floats) -> Floats:
        made.append(vector)
        return vector

    rows = ItemRows(ENCODER, counted)
    n_before = len(made)
    for _ in range(3):
        rows.of(ACTIONS)
    assert len(made) - n_before == len(ACTIONS)


def test_actions_without_an_address_are_made_each_time() -> None:
    nameless = [Action(action.id, action.features) for action in ACTIONS[:3]]
    rows = ItemRows(ENCODER, doubled)
    for some in (nameless, [*ACTIONS, *nameless], nameless[::-1]):
        assert_array_equal(rows.of(some), expected(some))


def test_no_actions_no_rows() -> None:
    assert ItemRows(ENCODER, doubled).of([]).shape == (0, 2 * ENCODER.n_action)
