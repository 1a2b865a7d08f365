"""The space of slates."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import MultiDiscrete, flatdim, flatten
from gymnasium.vector.utils import batch_space
from numpy.testing import assert_array_equal

from envs.slate_space import MANY_CANDIDATES, SlateSpace, random_slates, top_slates
from envs.world import WorldError


def test_every_slate_is_equally_likely() -> None:
    """Chi-squared over the 24 ordered slates of 3 from 4, 24,000 draws.

    With 23 degrees of freedom the statistic is above 58.6 in 6 of 100,000 honest draws.
    """
    drawn = random_slates(np.random.default_rng(3), (24_000, 4, 3))
    counts = dict.fromkeys(itertools.permutations(range(4), 3), 0)
    for slate in drawn.tolist():
        counts[tuple(slate)] += 1
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 58.6


@pytest.mark.parametrize(("n_candidates", "n_slots"), [(1, 1), (2, 2), (9, 9), (100_000, 3)])
def test_a_sample_has_no_repeats(n_candidates: int, n_slots: int) -> None:
    drawn = random_slates(np.random.default_rng(3), (200, n_candidates, n_slots))
    assert drawn.min() >= 0
    assert drawn.max() < n_candidates
    assert all(len(set(slate)) == n_slots for slate in drawn.tolist())


def test_a_seed_gives_the_same_samples() -> None:
    first, second = SlateSpace(10, 3, n_users=4, seed=5), SlateSpace(10, 3, n_users=4)
    second.seed(5)
    assert_array_equal(first.sample(), second.sample())
    assert first.sample().shape == (4, 3)
    assert SlateSpace(10, 3).sample().shape == (3,)


@pytest.mark.parametrize("n_slots", [2, 6])
def test_contains_slates_and_nothing_else(n_slots: int) -> None:
    space = SlateSpace(7, n_slots)
    slate = np.arange(n_slots)
    assert slate in space
    assert slate.astype(np.int32) in space
    assert slate.tolist() in space
    for wrong in (slate - 1, slate + 7, slate * 0, slate.astype(float), slate[:-1], slate[np.newaxis], "ab", None):
        assert wrong not in space
    batch = SlateSpace(7, n_slots, n_users=2)
    assert np.array([slate, slate]) in batch
    assert np.array([slate, slate * 0]) not in batch
    assert slate not in batch


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([[0, 1], [3, 3]], r"action\[1\]=\[3, 3\] shows a candidate twice; a slate has no repeats"),
        ([[0, 1], [3, 7]], r"action\[1\]\[1\]=7 is no candidate: indices go from 0 to 6"),
        ([[0, -2], [3, 4]], r"action\[0\]\[1\]=-2 is no candidate"),
        ([[0.0, 1.0], [3.0, 4.0]], "action of type float64: a slate holds whole numbers"),
        ([0, 1], r"action of shape \(2,\) should have shape \(2, 2\)"),
    ],
)
def test_what_is_wrong_is_said(action: Any, message: str) -> None:
    with pytest.raises(WorldError, match=message):
        SlateSpace(7, 2, n_users=2).check(np.array(action))


def test_many_slots_are_checked_too() -> None:
    slates = np.tile(np.arange(6), (3, 1))
    slates[2, 5] = 0
    with pytest.raises(WorldError, match=r"action\[2\]=\[0, 1, 2, 3, 4, 0\] shows a candidate twice"):
        SlateSpace(7, 6, n_users=3).check(slates)


def test_a_mask_is_refused() -> None:
    mask = (np.ones(3, dtype=np.int8),)
    with pytest.raises(WorldError, match="mask"):
        SlateSpace(3, 1).sample(mask=mask)


def test_a_batch_of_the_space_is_a_space_of_slates() -> None:
    assert batch_space(SlateSpace(7, 2), 5) == SlateSpace(7, 2, n_users=5)
    assert SlateSpace(7, 2) != SlateSpace(7, 3)
    assert SlateSpace(7, 2) != MultiDiscrete([7, 7])


def test_a_space_travels() -> None:
    space = SlateSpace(7, 2, n_users=3, seed=4)
    for copied in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert copied == space
        assert_array_equal(copied.sample(), copy.deepcopy(space).sample())


def test_it_flattens_as_a_multidiscrete() -> None:
    space = SlateSpace(4, 2)
    assert flatdim(space) == 8
    assert_array_equal(flatten(space, np.array([1, 3])), [0, 1, 0, 0, 0, 0, 0, 1])


@pytest.mark.parametrize("n_candidates", [5, MANY_CANDIDATES + 50])
def test_top_slates_are_the_best_in_order(n_candidates: int) -> None:
    scores = np.random.default_rng(1).permuted(np.tile(np.arange(float(n_candidates)), (8, 1)), axis=1)
    found = np.take_along_axis(scores, top_slates(scores, 3), axis=1)
    assert_array_equal(found, np.tile(n_candidates - 1.0 - np.arange(3), (8, 1)))


def test_ties_go_to_the_first() -> None:
    assert_array_equal(top_slates(np.array([[1.0, 2.0, 2.0, 1.0]]), 3), [[1, 2, 0]])


@pytest.mark.parametrize(
    "action",
    [[np.int64(3), np.int64(1)], [np.int64(3), np.uint64(1)], (np.int8(3), 1), np.array([3, 1], dtype=object)[:]],
)
def test_whole_numbers_of_any_kind_are_indices(action: Any) -> None:
    assert SlateSpace(5, 2).check(list(action)).tolist() == [3, 1]


@pytest.mark.parametrize(
    "action", [[3.0, 1.0], ["3", "1"], [None, 1], [10**30, 1], [[3], [1, 2]], np.array([3.0, 1.0])]
)
def test_what_is_no_whole_number_is_refused(action: Any) -> None:
    with pytest.raises(WorldError, match=r"action.*whole numbers, indices of candidates"):
        SlateSpace(5, 2).check(action)
