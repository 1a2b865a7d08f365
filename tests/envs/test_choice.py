"""Choice models against closed forms, examples by hand, and the frequencies of their own draws."""

from __future__ import annotations

import itertools
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from envs.choice import (
    MODELS,
    Cascade,
    ChoiceModel,
    DependentClick,
    Logistic,
    MultinomialLogit,
    MultinomialProportional,
    PositionBased,
    Proportional,
    choice_model,
    exponential_cascade,
    pick,
    proportional_cascade,
)
from envs.world import Floats, WorldError

AS_IS = Proportional(1.0)
"""Scores that are chances already."""

ALL: dict[str, ChoiceModel] = {
    "logit": MultinomialLogit(no_click_mass=0.3),
    "logit without a way out": MultinomialLogit(),
    "proportional": MultinomialProportional(min_normalizer=-1.0, no_click_mass=1.0),
    "exponential cascade": exponential_cascade(score_scaling=0.3, attention=0.8),
    "proportional cascade": proportional_cascade(score_scaling=0.4, min_normalizer=-1.0),
    "position": PositionBased(Logistic()),
    "dependent": DependentClick(Logistic(), continuation=(0.9, 0.4)),
}


@pytest.fixture(params=list(ALL))
def model(request: pytest.FixtureRequest) -> ChoiceModel:
    return ALL[request.param]


def test_logit_by_hand() -> None:
    found = MultinomialLogit(no_click_mass=math.log(2.0)).chances(np.log([[1.0, 3.0], [2.0, 4.0]]))
    assert_allclose(found.clicks, [[1 / 6, 3 / 6], [2 / 8, 4 / 8]])
    assert_allclose(found.nothing, [2 / 6, 2 / 8])


def test_logit_survives_great_scores() -> None:
    found = MultinomialLogit(no_click_mass=1000.0).chances(np.array([[1000.0, -1000.0], [1e5, 1e5]]))
    assert_allclose(found.clicks, [[0.5, 0.0], [0.5, 0.5]])
    assert_allclose(found.nothing, [0.5, 0.0])


def test_logit_always_clicks_without_a_no_click_mass() -> None:
    assert_array_equal(MultinomialLogit().chances(np.array([[0.2, 5.0]])).nothing, [0.0])


def test_proportional_by_hand() -> None:
    found = MultinomialProportional(min_normalizer=-1.0, no_click_mass=1.0).chances(
        np.array([[0.0, 1.0], [-1.0, -1.0]])
    )
    assert_allclose(found.clicks, [[1 / 5, 2 / 5], [0.0, 0.0]])
    assert_allclose(found.nothing, [2 / 5, 1.0])


def test_proportional_clicks_nothing_where_all_weights_are_zero() -> None:
    found = MultinomialProportional().chances(np.zeros((1, 3)))
    assert_array_equal(found.clicks, np.zeros((1, 3)))
    assert_array_equal(found.nothing, [1.0])


def test_cascade_by_hand() -> None:
    """Looked at with 0.5: clicks with 0.4 and 0.2 if reached, so 0.4 and 0.6 * 0.2; nothing with 0.6 * 0.8."""
    found = Cascade(AS_IS, attention=0.5).chances(np.array([[0.8, 0.4]]))
    assert_allclose(found.clicks, [[0.4, 0.12]])
    assert_allclose(found.nothing, [0.48])


def test_named_cascades_scale_as_they_say() -> None:
    scores = np.array([[-0.5, 0.2]])
    assert_allclose(exponential_cascade(score_scaling=0.3).chances(scores).clicks[0, 0], 0.3 * math.exp(-0.5))
    found = proportional_cascade(score_scaling=0.4, min_normalizer=-1.0).chances(scores)
    assert_allclose(found.clicks, [[0.2, 0.8 * 0.48]])


def test_position_based_by_hand() -> None:
    found = PositionBased(AS_IS, examination=(1.0, 0.5)).chances(np.array([[0.5, 0.4, 0.2]]))
    assert_allclose(found.clicks, [[0.5, 0.2, 0.1]])
    assert_allclose(found.nothing, [0.5 * 0.8 * 0.9])


def test_position_based_looks_with_inverse_rank_unless_told() -> None:
    assert_allclose(PositionBased(AS_IS).examined(3), [1.0, 1 / 2, 1 / 3])


def test_dependent_click_by_hand() -> None:
    """Slot 1 is reached with 1 − 0.5 + 0.5 * 0.6 = 0.8, slot 2 with 0.8 * (1 − 0.4 + 0.4 * 0.1) = 0.512."""
    found = DependentClick(AS_IS, continuation=(0.6, 0.1)).chances(np.array([[0.5, 0.4, 0.25]]))
    assert_allclose(found.clicks, [[0.5, 0.32, 0.128]])
    assert_allclose(found.nothing, [0.5 * 0.6 * 0.75])


def by_cells(model: ChoiceModel, score: Floats, n_cells: int) -> tuple[Floats, float]:
    """Chances of clicks and of none from a draw at the middle of every cell of the cube of uniform numbers.

    For multiples of 1 / n_cells as thresholds this is the exact integral, not an estimate.
    """
    middles = (np.arange(n_cells) + 0.5) / n_cells
    uniforms = np.array(list(itertools.product(middles, repeat=model.n_uniforms(len(score)))))
    scores = np.tile(score, (len(uniforms), 1))
    clicks = model.clicks(scores, model.chances(scores), uniforms)
    return clicks.mean(axis=0), float((~clicks.any(axis=1)).mean())


@pytest.mark.parametrize(
    ("model", "n_cells"),
    [
        (MultinomialProportional(no_click_mass=0.3), 10),
        (Cascade(AS_IS), 100),
        (PositionBased(AS_IS, examination=(1.0, 0.5)), 20),
        (DependentClick(AS_IS, continuation=(0.6, 0.0)), 10),
    ],
)
def test_draws_over_all_uniforms_are_the_closed_form(model: ChoiceModel, n_cells: int) -> None:
    score = np.array([0.5, 0.2])
    clicks, nothing = by_cells(model, score, n_cells)
    exact = model.chances(score[np.newaxis])
    assert_allclose(clicks, exact.clicks[0], atol=1e-12)
    assert_allclose(nothing, exact.nothing[0], atol=1e-12)


def test_frequencies_are_the_chances(model: ChoiceModel) -> None:
    """40,000 draws of one slate of 4: a frequency is within 4.5 standard deviations of its chance."""
    n_draws = 40_000
    scores = np.tile([0.4, -0.7, 0.9, 0.1], (n_draws, 1))
    clicks, chances = pick(model, scores, np.random.default_rng(8))
    expected = np.append(chances.clicks[0], chances.nothing[0])
    found = np.append(clicks.mean(axis=0), (~clicks.any(axis=1)).mean())
    spread = np.sqrt(expected * (1.0 - expected) / n_draws)
    assert (np.abs(found - expected) <= 4.5 * spread).all()


def test_each_user_is_drawn_for_itself(model: ChoiceModel) -> None:
    """What one user sees and does is no matter of who else is there."""
    dice = np.random.default_rng(2)
    scores = dice.uniform(-1.0, 1.0, (6, 3))
    uniforms = dice.random((6, model.n_uniforms(3)))
    together = model.clicks(scores, model.chances(scores), uniforms)
    for user in range(6):
        row = slice(user, user + 1)
        alone = model.clicks(scores[row], model.chances(scores[row]), uniforms[row])
        assert_array_equal(alone, together[row])


def test_several_clicks_only_where_said(model: ChoiceModel) -> None:
    scores = np.full((2000, 4), 0.9)
    clicks, _ = pick(model, scores, np.random.default_rng(1))
    assert bool((clicks.sum(axis=1) > 1).any()) == model.several


def test_one_outcome_is_certain_where_at_most_one_click(model: ChoiceModel) -> None:
    if model.several:
        return
    found = model.chances(np.random.default_rng(1).uniform(-1.0, 1.0, (50, 5)))
    assert_allclose(found.clicks.sum(axis=1) + found.nothing, 1.0)


def test_scores_are_left_alone_and_models_travel(model: ChoiceModel) -> None:
    scores = np.array([[0.4, -0.7]])
    kept = scores.copy()
    first, _ = pick(model, scores, np.random.default_rng(1))
    assert_array_equal(scores, kept)
    again, _ = pick(pickle.loads(pickle.dumps(model)), scores, np.random.default_rng(1))
    assert_array_equal(first, again)


@pytest.mark.parametrize("name", list(MODELS))
def test_every_model_has_a_name(name: str) -> None:
    found = choice_model(name)
    assert isinstance(found, ChoiceModel)
    scores = np.full((1, 2), -0.5) if "exponential" in name else np.full((1, 2), 0.5)
    assert found.chances(scores).clicks.shape == (1, 2)


def test_a_named_model_takes_parameters() -> None:
    assert choice_model("position-based", attraction=AS_IS, examination=(0.5,)) == PositionBased(AS_IS, (0.5,))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MultinomialLogit(math.nan), "no_click_mass=nan"),
        (lambda: MultinomialLogit(math.inf), "no_click_mass=inf"),
        (lambda: MultinomialProportional(1.0, 0.5), "no_click_mass=0.5 must not be below min_normalizer=1.0"),
        (lambda: Cascade(AS_IS, attention=0.0), r"attention=0.0 must be in \(0, 1\]"),
        (lambda: PositionBased(AS_IS, (1.0, 1.2)), r"examination=\(1.0, 1.2\) must hold chances"),
        (lambda: DependentClick(AS_IS, ()), r"continuation=\(\) must hold"),
        (lambda: DependentClick(AS_IS, (-0.1,)), r"continuation=\(-0.1,\) must hold chances"),
        (lambda: choice_model("best"), "choice='best' doesn't exist; there are multinomial-logit"),
        (lambda: choice_model("multinomial-logit", heat=2), "choice='multinomial-logit' can't be made .*heat"),
    ],
)
def test_wrong_parameters_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(WorldError, match=message):
        make()


def test_a_score_below_the_least_is_refused() -> None:
    with pytest.raises(WorldError, match=r"score -0\.2 is below min_normalizer=0"):
        MultinomialProportional().chances(np.array([[0.5, -0.2]]))


def test_a_cascade_refuses_more_than_certainty() -> None:
    with pytest.raises(WorldError, match=r"score_scaling \* \(score - min_normalizer\) is 1\.5"):
        proportional_cascade(score_scaling=3.0).chances(np.array([[0.5]]))
