"""Adam's moments as bytes: a resumed optimiser takes the very same steps."""

from __future__ import annotations

import pytest
import torch

from policies.base import PolicyError
from policies.neural import moments
from policies.neural.nets import Tower, adam, arrays_of, load


def step(net: Tower, optimizer: torch.optim.Adam, seed: int) -> None:
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    (net(rows) - 1.0).square().mean().backward()
    optimizer.step()


def net() -> tuple[Tower, torch.optim.Adam]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        made = Tower(3, 2, (4,))
    return made, adam(made.parameters(), 0.01)


@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_resumed_it_takes_the_very_same_steps(n_before: int) -> None:
    (whole, of_whole), (first, of_first), (then, of_then) = net(), net(), net()
    for seed in range(5):
        step(whole, of_whole, seed)
    for seed in range(n_before):
        step(first, of_first, seed)
    load(then, arrays_of(first))
    moments.load(of_then, then, moments.to_bytes(of_first, first))
    for seed in range(n_before, 5):
        step(then, of_then, seed)
    assert moments.to_bytes(of_then, then) == moments.to_bytes(of_whole, whole)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), then.parameters(), strict=True))


def test_moments_of_another_net_are_refused() -> None:
    made, optimizer = net()
    step(made, optimizer, 1)
    data = moments.to_bytes(optimizer, made)
    for other in (Tower(3, 2, (5,)), Tower(3, 2, ())):
        with pytest.raises(PolicyError, match="moments of"):
            moments.load(adam(other.parameters(), 0.01), other, data)
