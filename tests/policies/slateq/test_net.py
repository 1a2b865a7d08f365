"""Losses by hand, and nothing known at the start."""

from __future__ import annotations

import math

import pytest
import torch

from policies.slateq.net import Outlook, Sizes, SlateQNet, Step, losses_of
from policies.slateq.options import parse


def step(outcome: list[list[float]], gains: list[float], returns: list[float]) -> Step:
    n = len(gains)
    nothing = torch.zeros(n, 0)
    return Step(nothing, nothing, nothing, torch.tensor(outcome), torch.tensor(returns), torch.tensor(gains))


def test_by_hand() -> None:
    """One step: the first of two items clicked. Value off by 3; advantage off by 2; even chances of three outcomes."""
    outlook = Outlook(torch.tensor([5.0]), torch.tensor([[1.0, 50.0, 60.0]]), torch.zeros(1, 3))
    found = losses_of(outlook, step([[1.0, 0.0, 0.0]], [3.0], [8.0]), parse({"value_scale": 10.0}))
    assert found.value.item() == pytest.approx(0.9)
    assert found.item.item() == pytest.approx(4.0)
    assert found.choice.item() == pytest.approx(math.log(3))
    assert found.total.item() == pytest.approx(4.9 + math.log(3))


def test_several_clicks_share_a_step() -> None:
    outlook = Outlook(torch.zeros(1), torch.tensor([[1.0, 3.0, 60.0]]), torch.zeros(1, 3))
    found = losses_of(outlook, step([[0.5, 0.5, 0.0]], [0.0], [0.0]), parse({}))
    assert found.item.item() == pytest.approx((1.0 + 9.0) / 2)


@pytest.mark.parametrize("item_units", [0, 4])
def test_at_the_start_all_is_alike_and_every_part_can_learn(item_units: int) -> None:
    torch.manual_seed(0)
    options = parse({"hidden": [8], "item_units": item_units})
    net = SlateQNet(options, Sizes(3, 4, 5, 2))
    seen = torch.ones(6, 3), torch.ones(6, 5), torch.randn(6, 2, 4)
    outlook = net.outlook(*seen)
    assert all(not bool(part.any()) for part in outlook)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    outcome = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]).repeat(3, 1)
    steps = Step(*seen, outcome, torch.ones(6), torch.arange(6.0))
    before = {name: parameter.detach().clone() for name, parameter in net.named_parameters()}
    for _ in range(3):
        optimizer.zero_grad()
        losses_of(net.outlook(*seen), steps, options).total.backward()  # type: ignore[no-untyped-call]  # as torch is
        optimizer.step()
    assert [name for name, parameter in net.named_parameters() if torch.equal(parameter, before[name])] == []
