"""The nets in NumPy say what torch says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from policies.base import PolicyError
from policies.neural.nets import arrays_of
from policies.slateq.model import SlateQModel
from policies.slateq.net import Sizes
from tests.policies.slateq.trained import net

SIZES = Sizes(n_context=5, n_action=4, n_history=5, n_slots=3)


@pytest.mark.parametrize("item_units", [0, 6])
def test_as_torch(item_units: int) -> None:
    made = net(SIZES, item_units=item_units)
    dice = np.random.default_rng(0)
    contexts, shown = (dice.normal(size=size).astype(np.float32) for size in ((7, 5), (7, 3, 4)))
    model = SlateQModel(arrays_of(made))
    found = model.prospects(contexts, shown)
    with torch.no_grad():
        items = made.items(torch.from_numpy(shown))
        advantages = made.advantages(torch.from_numpy(contexts), items).numpy()
        log_weights = made.log_weights(torch.from_numpy(contexts), items).numpy()
    assert_allclose(found.values, advantages[:, :-1], rtol=1e-4, atol=1e-5)
    assert_allclose(found.nothing, advantages[:, -1], rtol=1e-4, atol=1e-5)
    assert_allclose(np.log(found.weights * model.slots), log_weights[:, :-1], rtol=1e-4, atol=1e-4)
    assert (model.n_context, model.n_action) == (5, 4)


def test_a_single_request_is_as_one_of_many() -> None:
    model = SlateQModel(arrays_of(net(SIZES)))
    dice = np.random.default_rng(1)
    contexts, candidates = (dice.normal(size=size).astype(np.float32) for size in ((2, 5), (2, 9, 4)))
    many, one = model.prospects(contexts, candidates), model.prospects(contexts[1], candidates[1])
    for all_rows, row in zip(many, one, strict=True):
        assert_allclose(row, all_rows[1], rtol=1e-4, atol=1e-5)


def test_weights_stay_finite() -> None:
    arrays = arrays_of(net(SIZES))
    arrays["appeal.weight"][:] = 1e6
    ones = np.ones((1, 2, 4), dtype=np.float32)
    assert np.isfinite(SlateQModel(arrays).prospects(np.ones((1, 5), dtype=np.float32), ones).weights).all()


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(PolicyError, match="no SlateQ model"):
        SlateQModel({})
    mixed = arrays_of(net(SIZES)) | {"affinity.weight": np.zeros((9, 5), dtype=np.float32)}
    with pytest.raises(PolicyError, match="no SlateQ model"):
        SlateQModel(mixed)
