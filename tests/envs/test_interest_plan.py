"""The best slate, against all slates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from envs.choice import (
    Cascade,
    ChoiceModel,
    DependentClick,
    Logistic,
    MultinomialLogit,
    MultinomialProportional,
    PositionBased,
)
from envs.interest_plan import best_slates
from envs.world import Floats, Indices

N_USERS, N_CANDIDATES = 40, 6
EXACT: list[ChoiceModel] = [
    MultinomialProportional(min_normalizer=-1.0, no_click_mass=1.0),
    MultinomialLogit(no_click_mass=1.0),
    MultinomialLogit(),
    Cascade(Logistic()),
]


def drawn() -> tuple[Floats, Floats]:
    dice = np.random.default_rng(9)
    sizes = (N_USERS, N_CANDIDATES)
    return dice.uniform(-1.0, 1.0, sizes), dice.normal(0.0, 3.0, sizes)


def worth(model: ChoiceModel, scores: Floats, values: Floats, slates: Indices, nothing: float) -> Floats:
    """Expected value of what is clicked, or of nothing, (n_users,)."""
    chances = model.chances(np.take_along_axis(scores, slates, axis=1))
    clicked: Floats = (chances.clicks * np.take_along_axis(values, slates, axis=1)).sum(axis=1)
    return clicked + chances.nothing * nothing


@pytest.mark.parametrize("n_slots", [1, 2, 3, N_CANDIDATES])
@pytest.mark.parametrize("nothing", [-0.7, 2.0])
@pytest.mark.parametrize("model", EXACT, ids=["proportional", "logit", "logit without a way out", "cascade"])
def test_no_slate_is_better(model: ChoiceModel, nothing: float, n_slots: int) -> None:
    scores, values = drawn()
    found = best_slates(model, scores, values, nothing=nothing, n_slots=n_slots)
    assert all(len(set(slate)) == n_slots for slate in found.tolist())
    every = itertools.permutations(range(N_CANDIDATES), n_slots)
    best = np.max([worth(model, scores, values, np.tile(slate, (N_USERS, 1)), nothing) for slate in every], axis=0)
    assert_allclose(worth(model, scores, values, found, nothing), best, atol=1e-9)


@pytest.mark.parametrize("model", [PositionBased(Logistic()), DependentClick(Logistic())])
def test_with_several_clicks_the_most_promising_come_first(model: ChoiceModel) -> None:
    scores, values = drawn()
    found = best_slates(model, scores, values, nothing=-0.7, n_slots=2)
    promise = (values + 0.7) / (1.0 + np.exp(-scores))
    assert_array_equal(found, np.argsort(-promise, axis=1)[:, :2])
