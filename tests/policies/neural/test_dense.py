"""Requests as dense vectors: fitted once, the same ever after, finite whatever comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import Action, Context, PolicyError
from policies.neural.dense import DenseEncoder, Request
from tests.policies.offers import offer


def requests(n: int = 60) -> list[Request]:
    return [offer(5, seed) for seed in range(n)]


@pytest.fixture(scope="module")
def encoder() -> DenseEncoder:
    return DenseEncoder.fitted(requests())


def test_the_first_coordinate_is_one_and_each_other_has_a_name(encoder: DenseEncoder) -> None:
    context, actions = offer(4, 99)
    assert encoder.context(context)[0] == 1.0
    assert_array_equal(encoder.actions(actions)[:, 0], 1.0)
    assert encoder.context(context).shape == (encoder.n_context,) == (len(encoder.context_names),)
    assert encoder.actions(actions).shape == (4, encoder.n_action)
    assert len(encoder.action_names) == encoder.n_action
    assert "topic=sport" in encoder.action_names
    assert "price" in encoder.action_names


def test_words_are_one_where_they_are_held(encoder: DenseEncoder) -> None:
    _, actions = offer(6, 7)
    column = encoder.action_names.index("topic=sport")
    expected = [float(action.features["topic"] == "sport") for action in actions]
    assert_array_equal(encoder.actions(actions)[:, column], expected)


def test_numbers_are_scaled_by_what_it_was_fitted_on(encoder: DenseEncoder) -> None:
    prices = [float(action.features["price"]) for _, actions in requests() for action in actions]
    column = encoder.action_names.index("price")
    found = encoder.actions([Action("x", {"price": 0.25})])[0, column]
    assert_allclose(found, (0.25 - np.mean(prices)) / np.std(prices), rtol=1e-5)


def test_what_is_unknown_or_absurd_or_missing_stays_finite(encoder: DenseEncoder) -> None:
    hostile: list[dict[str, Any]] = [
        {},
        {"never": "seen"},
        {"price": 1e300},
        {"price": "free"},
        {"price": float("nan"), "topic": None},
    ]
    found = encoder.actions([Action(str(n), features) for n, features in enumerate(hostile)])
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 6.0
    assert np.isfinite(encoder.context(Context({"hour": float("inf"), "x": {"y": [1, 2, "z"]}}))).all()


def test_bytes_make_the_same_encoder(encoder: DenseEncoder) -> None:
    again = DenseEncoder.from_bytes(encoder.to_bytes())
    context, actions = offer(5, 3)
    assert_array_equal(again.context(context), encoder.context(context))
    assert_array_equal(again.actions(actions), encoder.actions(actions))
    assert again.to_bytes() == encoder.to_bytes() == DenseEncoder.fitted(requests()).to_bytes()


def test_a_world_that_says_nothing_has_vectors_of_one() -> None:
    encoder = DenseEncoder.fitted([(Context(), [Action("a")])])
    assert encoder.context(Context({"anything": 1})).tolist() == [1.0]
    assert encoder.actions([Action("b", {"x": 2}), Action("c")]).tolist() == [[1.0], [1.0]]


def test_there_is_no_more_than_the_coordinates_asked_for() -> None:
    """Eight more are shared by hash."""
    many = [(Context(), [Action("a", {f"f{n}": n for n in range(100)})])]
    assert DenseEncoder.fitted(many, n_coordinates=20).n_action <= 1 + 20 + 8


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x93\x01\x90\x90"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        DenseEncoder.from_bytes(data)


def test_another_format_is_refused_by_name(encoder: DenseEncoder) -> None:
    data = bytearray(encoder.to_bytes())
    data[1] = 9
    with pytest.raises(PolicyError, match="format 9"):
        DenseEncoder.from_bytes(bytes(data))


def test_nothing_to_fit_on_is_an_error() -> None:
    with pytest.raises(PolicyError, match="requests: none"):
        DenseEncoder.fitted([])


def test_features_that_nobody_sends_any_more_are_named(encoder: DenseEncoder) -> None:
    assert encoder.unmet(requests(3)) == []
    fewer = Context({"hour": 3, "user": {"tier": "gold"}}), [Action("a", {"price": 1.0, "tags": ["new"]})]
    assert encoder.unmet([fewer]) == ["device", "new", "author.age", "topic"]
