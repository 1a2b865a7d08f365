"""Towers in torch: zero at first, the same in NumPy, loaded only where they fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from policies.base import PolicyError
from policies.neural.forward import ForwardTower
from policies.neural.nets import Tower, adam, anneal, arrays_of, load

HIDDEN: list[tuple[int, ...]] = [(), (8,), (16, 4)]


def stirred(tower: Tower, seed: int = 0) -> Tower:
    """Parameters that no start would give."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return tower


@pytest.mark.parametrize("hidden", HIDDEN)
def test_before_the_first_lesson_it_says_zero_and_can_learn(hidden: tuple[int, ...]) -> None:
    tower = Tower(5, 3, hidden)
    found = tower(torch.ones(2, 5))
    assert_array_equal(found.detach().numpy(), 0.0)
    (found - 1.0).square().sum().backward()
    assert tower.direct.weight.grad is not None
    assert bool(tower.direct.weight.grad.abs().sum() > 0.0)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 3, 5)])
def test_numpy_computes_the_same(hidden: tuple[int, ...], shape: tuple[int, ...]) -> None:
    tower = stirred(Tower(5, 3, hidden))
    inputs = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    expected = tower(torch.from_numpy(inputs)).detach().numpy()
    found = ForwardTower(arrays_of(tower))(inputs.copy())
    assert found.shape == (*shape[:-1], 3)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_numpy_leaves_its_inputs_alone() -> None:
    inputs = np.full((2, 5), -1.0, dtype=np.float32)
    ForwardTower(arrays_of(stirred(Tower(5, 3, (4,)))))(inputs)
    assert_array_equal(inputs, -1.0)


def test_arrays_are_copies_and_load_brings_them_back() -> None:
    tower = stirred(Tower(5, 3, (4,)))
    kept = arrays_of(tower)
    stirred(tower, seed=1)
    assert not np.array_equal(arrays_of(tower)["out.bias"], kept["out.bias"])
    load(tower, kept)
    assert_array_equal(arrays_of(tower)["out.bias"], kept["out.bias"])


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(PolicyError, match=r"layers\.0\.weight"):
        load(Tower(5, 3, (4,)), arrays_of(Tower(6, 3, (4,))))
    with pytest.raises(PolicyError, match="lacks"):
        ForwardTower({"direct.bias": np.zeros(1, dtype=np.float32)})
    wrong = arrays_of(Tower(5, 3, (4,))) | {"out.weight": np.zeros((3, 5), dtype=np.float32)}
    with pytest.raises(PolicyError, match="no tower"):
        ForwardTower(wrong)


@pytest.mark.parametrize(("progress", "expected"), [(-1.0, 1.0), (0.0, 1.0), (0.25, 0.8), (1.0, 0.2), (9.0, 0.2)])
def test_the_learning_rate_falls_on_a_line(progress: float, expected: float) -> None:
    optimizer = adam(Tower(2, 1, ()).parameters(), lr=7.0)
    anneal(optimizer, first=1.0, last=0.2, progress=progress)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)
