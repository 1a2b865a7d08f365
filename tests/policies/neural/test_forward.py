"""Layers in NumPy; towers are held against torch in ``test_nets.py``."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import PolicyError
from policies.neural.forward import ItemLayer

WEIGHT, BIAS = np.array([[1.0, -1.0], [0.5, 0.5], [-1.0, 0.0]]), np.array([0.0, 1.0, 0.0])


def test_learned_coordinates_follow_the_given_ones() -> None:
    layer = ItemLayer({"item.weight": WEIGHT, "item.bias": BIAS})
    assert (layer.n_inputs, layer.n_learned) == (2, 3)
    assert_array_equal(
        layer(np.array([[2.0, 3.0], [4.0, 0.0]])), [[2.0, 3.0, 0.0, 3.5, 0.0], [4.0, 0.0, 4.0, 3.0, 0.0]]
    )
    assert_array_equal(layer(np.array([4.0, 0.0])), [4.0, 0.0, 4.0, 3.0, 0.0])


def test_where_nothing_is_learned_items_stay_as_they_are() -> None:
    layer, items = ItemLayer({"other": BIAS}), np.ones((3, 7), dtype=np.float32)
    assert layer(items) is items
    assert (layer.n_inputs, layer.n_learned) == (None, 0)


@pytest.mark.parametrize(
    "arrays",
    [
        {"item.weight": WEIGHT},
        {"item.bias": BIAS},
        {"item.weight": WEIGHT, "item.bias": BIAS[:2]},
        {"item.weight": BIAS, "item.bias": BIAS},
    ],
)
def test_half_a_layer_is_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(PolicyError, match="no layer of items"):
        ItemLayer(arrays)
