"""Shapes told without torch, against those of the nets themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from policies.base import PolicyError
from policies.gradient import shapes as gradient_shapes
from policies.gradient.nets import Agent
from policies.neural.arrays import Arrays
from policies.neural.dense import DenseEncoder
from policies.neural.history import n_features
from policies.neural.nets import arrays_of
from policies.neural.shapes import NetSizes
from policies.slateq import shapes as slateq_shapes
from policies.slateq.net import Sizes, SlateQNet
from policies.slateq.options import SlateQOptions
from tests.policies.offers import offer

BUILT: dict[str, Any] = {"slateq": slateq_shapes.built, "gradient": gradient_shapes.built}
SIZES = [NetSizes((), 0), NetSizes((8,), 0), NetSizes((5, 7), 3), NetSizes((), 2)]


@pytest.fixture(scope="module")
def encoder() -> DenseEncoder:
    return DenseEncoder.fitted([offer(6, seed) for seed in range(20)])


def made(kind: str, sizes: NetSizes, encoder: DenseEncoder) -> Arrays:
    n_context, n_action, n_history = encoder.n_context, encoder.n_action, n_features(encoder.n_action)
    if kind == "gradient":
        return arrays_of(Agent((n_context, n_action, n_history), hidden=sizes.hidden, item_units=sizes.item_units))
    options = SlateQOptions(hidden=sizes.hidden, item_units=sizes.item_units)
    return arrays_of(SlateQNet(options, Sizes(n_context, n_action, n_history, n_slots=3)))


@pytest.mark.parametrize("kind", BUILT)
@pytest.mark.parametrize("sizes", SIZES)
def test_nets_tell_what_they_were_made_with(kind: str, sizes: NetSizes, encoder: DenseEncoder) -> None:
    assert BUILT[kind](made(kind, sizes, encoder), encoder) == sizes


@pytest.mark.parametrize("kind", BUILT)
def test_any_parameter_missing_or_of_another_shape_is_refused(kind: str, encoder: DenseEncoder) -> None:
    whole = made(kind, SIZES[2], encoder)
    for name, array in whole.items():
        others = {kept: one for kept, one in whole.items() if kept != name}
        for wrong in (others, {**others, name: np.zeros((*array.shape, 1), np.float32)}):
            with pytest.raises(PolicyError, match="don't fit"):
                BUILT[kind](wrong, encoder)
    with pytest.raises(PolicyError, match="another"):
        BUILT[kind]({**whole, "another": np.zeros(1, np.float32)}, encoder)
