"""The policies that learn nothing of their own."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from policies.base import Action, Context, Policy, PolicyError, Slot
from policies.baselines import Named, Order, Popularity, Uniform, make_static_learner
from policies.sampling import choose
from tests.policies.offers import SLOTS

MASK = np.array([False, True, True, False, True])
TOP = Slot("0")


def rated(*rates: float | None) -> list[Action]:
    return [Action(f"a{number}", derived=() if rate is None else (rate, 3.0)) for number, rate in enumerate(rates)]


def distribution(policy: Policy, actions: list[Action]) -> list[float]:
    found: list[float] = policy.prepare(Context(), actions).distribution(TOP, (), MASK).tolist()
    return found


def test_uniform_splits_evenly_over_the_eligible() -> None:
    assert_allclose(distribution(Uniform(), rated(*[None] * 5)), [0, 1 / 3, 1 / 3, 0, 1 / 3])


def test_order_takes_the_first_eligible() -> None:
    assert distribution(Order(), rated(*[None] * 5)) == [0, 1, 0, 0, 0]
    assert choose(Order().prepare(Context(), rated(1, 2, 3)), SLOTS, 9).chosen == (0, 1, 2)


def test_what_a_request_names_is_taken_slot_by_slot_while_it_is_eligible() -> None:
    prepared = Named((2, 0, 1)).prepare(Context(), rated(1, 2, 3, 4, 5))
    every = np.ones(5, dtype=np.bool_)
    assert choose(prepared, SLOTS, 9).chosen == (2, 0, 1)
    assert prepared.distribution(TOP, (), MASK).tolist() == [0, 0, 1, 0, 0]
    assert prepared.distribution(TOP, (2,), MASK).tolist() == [0, 1, 0, 0, 0]  # 0 is not eligible: the first that is
    assert prepared.distribution(TOP, (2,), every).tolist() == [1, 0, 0, 0, 0]


def test_popularity_is_greedy_on_the_item_rate() -> None:
    assert distribution(Popularity(), rated(0.9, 0.1, 0.5, 0.8, 0.2)) == [0, 0, 1, 0, 0]
    assert choose(Popularity().prepare(Context(), rated(0.2, 0.9, 0.5)), SLOTS, 9).chosen == (1, 2, 0)


def test_popularity_splits_ties_evenly() -> None:
    assert distribution(Popularity(), rated(0.9, 0.4, 0.2, 0.8, 0.4)) == [0, 0.5, 0, 0, 0.5]


def test_popularity_is_uniform_where_nothing_is_known() -> None:
    assert_allclose(distribution(Popularity(), rated(*[None] * 5)), [0, 1 / 3, 1 / 3, 0, 1 / 3])


def test_an_item_without_a_rate_counts_as_the_mean() -> None:
    assert distribution(Popularity(), rated(0.9, 0.4, None, 0.1, 0.45)) == [0, 0, 1, 0, 0]  # the mean is 0.4625
    assert distribution(Popularity(), rated(0.4, 0.4, None, 0.1, 0.45)) == [0, 0, 0, 0, 1]  # the mean is 0.3375


def test_a_static_learner_resumes_only_from_its_own_state() -> None:
    assert make_static_learner(make_static_learner().state()).snapshot() == b""
    with pytest.raises(PolicyError, match="wrong checkpoint"):
        make_static_learner(b"x")
