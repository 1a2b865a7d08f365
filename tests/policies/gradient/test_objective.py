"""The objective: its loss by hand, what is credited with a click, and that the clip does what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from policies.gradient.nets import Agent
from policies.gradient.objective import Batch, Passes, credited, improve, log_likelihood, loss
from policies.gradient.options import parse
from policies.gradient.plackett_luce import Slates
from policies.gradient.shapes import VALUE_SCALE
from policies.neural.history import n_features

N_CANDIDATES, N_ACTION, N_CONTEXT = 4, 5, 3
SLATE = Slates(torch.tensor([[0, 1]]))


def batch(agent: Agent, *, importance: float, advantage: float) -> Batch:
    dice = torch.Generator().manual_seed(1)
    contexts = torch.randn(16, N_CONTEXT, generator=dice)
    return Batch(
        contexts=contexts,
        histories=torch.zeros(16, n_features(N_ACTION)),
        candidates=torch.randn(16, N_CANDIDATES, N_ACTION, generator=dice),
        slates=Slates(torch.rand(16, N_CANDIDATES, generator=dice).argsort(dim=1)[:, :2]),
        credited=None,
        importance=torch.full((16,), importance),
        advantages=torch.full((16,), advantage),
        targets=agent.values(contexts, torch.zeros(16, n_features(N_ACTION))).detach(),
    )


def likelihood(agent: Agent, told: Batch) -> torch.Tensor:
    return log_likelihood(agent, told.contexts, told.candidates, told.slates, told.credited)


def even(ratios: list[float], advantages: list[float], clicked: list[list[bool]] | None) -> tuple[Agent, Batch]:
    """Nets that know nothing, and steps of importance 1/2, 1, … whose critic should have said 3 each time."""
    agent, n = Agent((N_CONTEXT, N_ACTION, n_features(N_ACTION)), hidden=(8,)), len(ratios)
    return agent, Batch(
        contexts=torch.ones(n, N_CONTEXT),
        histories=torch.zeros(n, n_features(N_ACTION)),
        candidates=torch.ones(n, N_CANDIDATES, N_ACTION),
        slates=Slates(torch.tensor([[2, 0]] * n)),
        credited=None if clicked is None else torch.tensor(clicked),
        importance=torch.arange(1, n + 1) / 2,
        advantages=torch.tensor(advantages),
        targets=torch.full((n,), 3.0),
    )


def loss_at(ratios: list[float], advantages: list[float], clicked: list[list[bool]] | None = None) -> float:
    """With a clip of 0.2 and an entropy worth 0.1, where steps have become so many times as likely."""
    agent, told = even(ratios, advantages, clicked)
    before = likelihood(agent, told) - torch.log(torch.tensor(ratios))
    return loss(agent, told, before, parse({"entropy": 0.1, "clip": 0.2})).item()


def test_the_loss_by_hand() -> None:
    """Nets that know nothing: a slate of 2 out of 4 has entropies log 4 and log 3, and the critic says 0.

    The first step's ratio is within the clip, the second's beyond it, the third's too but to its own harm.
    """
    gains = [0.5 * 1.1 * 2.0, 1.0 * 1.2 * 2.0, 1.5 * 2.0 * -1.0]
    expected = 9.0 / VALUE_SCALE - np.mean(gains) - 0.1 * np.log(12) / 2
    assert_allclose(loss_at([1.1, 3.0, 2.0], [2.0, 2.0, -1.0]), expected, rtol=1e-5)


def test_a_step_without_a_click_moves_nothing_where_items_are_credited() -> None:
    """Its ratio is 1, whatever has become of its slate."""
    agent, told = even([1.0, 1.0], [2.0, -1.0], [[False, False], [False, True]])
    assert_allclose(likelihood(agent, told), [0.0, -np.log(3)], rtol=1e-6)
    gains = [0.5 * 2.0, 1.0 * -1.0]
    expected = 9.0 / VALUE_SCALE - np.mean(gains) - 0.1 * np.log(12) / 2
    assert_allclose(loss_at([1.0, 1.0], [2.0, -1.0], [[False, False], [False, True]]), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("clicked", "chance"),
    [((True, False), 0.75), ((False, True), 0.25), ((True, True), 0.75 * 0.25), ((False, False), 1.0)],
)
def test_credit_goes_to_the_chance_that_what_was_clicked_is_shown(clicked: tuple[bool, bool], chance: float) -> None:
    """An item that the first slot shows with 1/2 is in the slate with 1 − (1/2)²; the last slot is as it is."""
    likely = torch.log(torch.tensor([[0.5, 0.25]]))
    found = credited(likely, SLATE, torch.tensor([clicked]))
    assert_allclose(found.exp(), [chance], rtol=1e-6)


def test_slots_that_are_not_there_give_no_second_chance() -> None:
    filled, clicked = torch.tensor([[True, False]]), torch.tensor([[True, False]])
    likely = torch.tensor([[np.log(0.5), 0.0]])
    assert_allclose(credited(likely, Slates(torch.tensor([[0, 0]]), filled), clicked).exp(), [0.5], rtol=1e-6)


def test_credit_by_slate_is_the_probability_of_the_slate() -> None:
    assert_allclose(credited(torch.log(torch.tensor([[0.5, 0.25]])), SLATE, None).exp(), [0.125], rtol=1e-6)


@pytest.mark.parametrize(
    ("clicked", "credit", "pull"), [((True, False), -150.0 + np.log(2), (1, 0)), ((False, True), -1.0, (0, 1))]
)
def test_an_item_beyond_hope_is_credited_if_clicked_and_else_left_alone(
    clicked: tuple[bool, bool], credit: float, pull: tuple[int, int]
) -> None:
    """A probability of exp(−150) is 0 in float32; nothing may come of it that isn't a number."""
    likely = torch.tensor([[-150.0, -1.0]], requires_grad=True)
    found = credited(likely, SLATE, torch.tensor([clicked]))
    found.sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert_allclose(found.detach(), [credit], rtol=1e-6)
    assert likely.grad is not None
    assert_allclose(likely.grad, [pull], rtol=1e-5)


@pytest.mark.parametrize("clicked", [(True, False), (False, True)])
def test_the_loss_of_nets_that_are_sure_is_a_number_and_so_is_its_gradient(clicked: tuple[bool, bool]) -> None:
    """The first slot shows what they would show with exp(−150)."""
    agent, told = even([1.0], [2.0], [list(clicked)])
    candidates = torch.zeros(1, N_CANDIDATES, N_ACTION)
    candidates[0, :, 1] = torch.tensor([0.0, 0.0, -150.0, 0.0])
    told = told._replace(candidates=candidates)
    agent.scorer.context.direct.weight.data[1] = 1.0 / N_CONTEXT
    expected = -150.0 - np.log(3) + np.log(2) if clicked[0] else -np.log(3)
    before = likelihood(agent, told)
    assert_allclose(before, [expected], rtol=1e-6)
    found = loss(agent, told, before, parse({"entropy": 0.0}))
    found.backward()  # type: ignore[no-untyped-call]  # torch
    assert_allclose(found.item(), 9.0 / VALUE_SCALE - 0.5 * 2.0, rtol=1e-5)
    assert all(torch.isfinite(one.grad).all() for one in agent.parameters() if one.grad is not None)


def strength(agent: Agent, told: Batch, *, ratio: float) -> float:
    """How hard the scorer is pulled, where every slate has become so much likelier already."""
    agent.zero_grad()
    before = likelihood(agent, told) - float(np.log(ratio))
    loss(agent, told, before, parse({"entropy": 0.0, "clip": 0.2})).backward()  # type: ignore[no-untyped-call]  # torch
    weight = agent.scorer.context.direct.weight.grad
    assert weight is not None
    return float(weight.abs().sum())


@pytest.mark.parametrize(
    ("advantage", "ratio", "pulls"),
    [(1.0, 1.0, True), (1.0, 1.3, False), (1.0, 0.7, True), (-1.0, 1.3, True), (-1.0, 0.7, False)],
)
def test_nothing_pulls_further_than_the_clip_but_all_pulls_back(advantage: float, ratio: float, pulls: bool) -> None:
    agent = Agent((N_CONTEXT, N_ACTION, n_features(N_ACTION)), hidden=(8,))
    assert (strength(agent, batch(agent, importance=1.0, advantage=advantage), ratio=ratio) > 0.0) == pulls


def test_what_went_well_becomes_likelier() -> None:
    options = parse({"entropy": 0.0})
    agent = Agent((N_CONTEXT, N_ACTION, n_features(N_ACTION)), hidden=(8,))
    told = batch(agent, importance=1.0, advantage=1.0)
    before = likelihood(agent, told)
    optimizer = torch.optim.Adam(agent.parameters(), lr=0.01)
    improve(agent, optimizer, told, options=options, passes=Passes(3, 8), dice=np.random.default_rng(1))
    assert (likelihood(agent, told) > before).double().mean() > 0.7


def test_importance_weighs_gradients() -> None:
    agent = Agent((N_CONTEXT, N_ACTION, n_features(N_ACTION)), hidden=(8,))
    pulls = [strength(agent, batch(agent, importance=share, advantage=1.0), ratio=1.0) for share in (1.0, 0.5, 0.0)]
    assert_allclose(pulls, [pulls[0], pulls[0] / 2, 0.0], rtol=1e-5)
