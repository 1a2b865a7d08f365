"""Rows of actions, from memory or not; what is told of one user is not remembered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.action_halves import ActionHalves
from policies.base import Action
from policies.scales import Array

LOOP, USER = (0.5, 2.0, 1.0, 0.25, 0.0, 0.0, 0.0, 0.0), (0.5, 2.0, 1.0, 0.25, 0.0, 3.0, 0.0, 0.0)


class Maker:
    """Makes a row of two numbers from an action, and counts."""

    def __init__(self) -> None:
        self.n_made = 0

    def __call__(self, actions: Sequence[Action]) -> Array:
        self.n_made += len(actions)
        return np.array([[float(action.id), sum(action.derived)] for action in actions]).reshape(-1, 2)


def offer(n: int, derived: tuple[float, ...] = LOOP) -> list[Action]:
    return [Action(str(number), {"n": number}, bytes([number]) * 12, derived) for number in range(n)]


@pytest.mark.parametrize("n_kept", [2, 7, 4096])
def test_memory_changes_no_row(n_kept: int) -> None:
    actions, halves = offer(12) + offer(12, USER) + offer(12, ()), ActionHalves(n_kept)
    for seed in range(30):
        some = [actions[place] for place in np.random.default_rng(seed).permutation(36)[: seed % 14]]
        assert_array_equal(halves.of(some, Maker()), Maker()(some))


def test_rows_are_made_once_until_they_are_forgotten() -> None:
    halves, make = ActionHalves(), Maker()
    for n in (3, 5, 5, 4):
        halves.of(offer(n), make)
    assert make.n_made == 3 + 5
    halves.forget()
    halves.of(offer(5), make)
    assert make.n_made == 3 + 5 + 5


def test_a_row_is_the_callers_own() -> None:
    halves, make = ActionHalves(), Maker()
    for _ in range(3):
        found = halves.of(offer(2), make)
        assert_array_equal(found, Maker()(offer(2)))
        found *= 7.0


@pytest.mark.parametrize("actions", [offer(2, USER), [Action("1", {}), Action("2", {})]])
def test_what_is_a_users_own_or_has_no_address_is_not_remembered(actions: list[Action]) -> None:
    halves, make = ActionHalves(), Maker()
    for _ in range(2):
        halves.of(actions, make)
    assert make.n_made == 4
