"""Plackett–Luce slates: probabilities by hand, that they add up to one, and draws that are as likely as they say."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from policies.gradient.draws import gumbel_top_k, softmax, top_k
from policies.gradient.plackett_luce import Slates, inclusions, log_likelihoods

SCORES = torch.tensor([[0.3, -1.0, 2.0, 0.0]])


def likelihood(items: tuple[int, ...], slates: Slates | None = None) -> float:
    found, _ = log_likelihoods(SCORES, slates or Slates(torch.tensor([items])))
    return float(found.sum().exp())


def test_one_slate_by_hand() -> None:
    raised = np.exp(SCORES[0].double().numpy())
    expected = raised[2] / raised.sum() * raised[0] / (raised.sum() - raised[2])
    assert_allclose(likelihood((2, 0)), expected, rtol=1e-5)


@pytest.mark.parametrize("n_slots", [1, 2, 4])
def test_all_ordered_slates_add_up_to_one(n_slots: int) -> None:
    total = sum(likelihood(items) for items in permutations(range(4), n_slots))
    assert_allclose(total, 1.0, rtol=1e-5)


def test_slots_allow_what_they_say_and_what_is_not_there_counts_nothing() -> None:
    """Slot 0 may not show item 2; slot 1 may; there is no slot 2 and no candidate 3."""
    allowed = torch.tensor([[[True, True, False, False], [True, True, True, False], [False] * 4]])
    slates = Slates(torch.tensor([[0, 2, 0]]), torch.tensor([[True, True, False]]), allowed)
    found, entropies = log_likelihoods(SCORES, slates)
    raised = np.exp(SCORES[0].double().numpy())
    first, second = raised[0] / (raised[0] + raised[1]), raised[2] / (raised[1] + raised[2])
    assert_allclose(found[0].exp().numpy(), [first, second, 1.0], rtol=1e-5)
    shares = np.array([first, 1.0 - first])
    assert_allclose(entropies[0, 0], -(shares * np.log(shares)).sum(), rtol=1e-5)
    assert entropies[0, 2] == 0.0
    assert_allclose(slates.n_filled, [2])


def test_gradients_are_finite_even_where_nothing_is_left_to_decide() -> None:
    scores = torch.tensor([[50.0, -50.0]], requires_grad=True)
    found, entropies = log_likelihoods(scores, Slates(torch.tensor([[0, 1]])))
    (inclusions(found, torch.tensor([[2, 1]])) + entropies).sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


def test_an_item_is_included_if_any_of_the_slots_left_would_show_it() -> None:
    likely = torch.log(torch.tensor([0.25, 0.25, 0.25], dtype=torch.float64))
    left = torch.tensor([1, 2, 3])
    assert_allclose(inclusions(likely, left).exp(), [0.25, 1 - 0.75**2, 1 - 0.75**3], rtol=1e-9)


@pytest.mark.parametrize("likely", [-79.9, -80.1, -104.0, -150.0, -1e9])
def test_an_item_beyond_hope_is_as_likely_shown_as_its_chances_add_up_to(likely: float) -> None:
    """1 − (1 − π)^m → m π, in float32 too, which has no number for such a π; its gradient is that of log π."""
    given = torch.tensor([likely] * 3, requires_grad=True)
    found = inclusions(given, torch.tensor([1, 2, 500]))
    found.sum().backward()  # type: ignore[no-untyped-call]  # torch
    assert_allclose(found.detach(), likely + np.log([1, 2, 500]), rtol=1e-6)
    assert given.grad is not None
    assert_allclose(given.grad, [1.0, 1.0, 1.0], rtol=1e-5)


def test_the_top_k_correction_is_that_of_chen() -> None:
    """d α / d π = m (1 − π)^(m − 1)."""
    chance = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    inclusions(chance.log(), torch.tensor([4])).exp().backward()  # type: ignore[no-untyped-call]  # torch
    assert chance.grad is not None
    assert_allclose(chance.grad, 4 * 0.7**3, rtol=1e-9)


def test_draws_are_as_likely_as_they_are_said_to_be() -> None:
    """Chi-squared over the 12 ordered slates of 2 out of 4, 24,000 draws: with 11 degrees of freedom the statistic
    exceeds 31.3 in one of a thousand seeds; this one is fixed."""
    n = 24_000
    dice = np.random.default_rng(1)
    drawn = gumbel_top_k(np.repeat(SCORES.numpy(), n, axis=0), 2, dice)
    statistic = 0.0
    for items in permutations(range(4), 2):
        expected = n * likelihood(items)
        statistic += (np.count_nonzero((drawn == items).all(axis=1)) - expected) ** 2 / expected
    assert statistic < 31.3


def test_the_likeliest_slate_is_in_order_of_score_and_ties_keep_theirs() -> None:
    assert top_k(np.array([[1.0, 3.0, 3.0, 0.0]]), 3).tolist() == [[1, 2, 0]]


def test_a_softmax_of_large_scores_is_exact() -> None:
    assert_allclose(softmax(np.array([1000.0, 1000.0 - np.log(3.0)])), [0.75, 0.25])
