"""Slates of many users at once."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from policies.slateq.acting import explored


def test_strays_are_any_slate_and_the_others_stay() -> None:
    """1,200 of 2,400 stray, to 6 slates each alike: 4.5 standard deviations of a sixth are 58."""
    slates = np.tile([2, 0], (2400, 1))
    found = explored(slates.copy(), n_candidates=3, share=0.5, dice=np.random.default_rng(0))
    assert (found[:, 0] != found[:, 1]).all()
    others, counts = np.unique(found[(found != slates).any(axis=1)], axis=0, return_counts=True)
    assert len(others) == 5
    assert (np.abs(counts - 200) < 58).all()


def test_no_share_no_strays() -> None:
    slates = np.tile([2, 0], (50, 1))
    assert_array_equal(explored(slates.copy(), n_candidates=3, share=0.0, dice=np.random.default_rng(0)), slates)
