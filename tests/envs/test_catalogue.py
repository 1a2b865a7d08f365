import numpy as np
import pytest

from envs.catalogue import Catalogue
from envs.world import WorldError


def test_what_leaves_is_replaced_and_no_serial_comes_twice() -> None:
    catalogue = Catalogue(4, 2)
    catalogue.restart(np.array([-3.0, -2.0, -1.0, 0.0]))
    replaced = catalogue.replace(np.array([True, False, False, True]), 5.0)
    assert replaced.tolist() == [0, 3]
    assert catalogue.serials.tolist() == [4, 1, 2, 5]
    assert catalogue.age_h(6.0).tolist() == [1.0, 8.0, 7.0, 1.0]
    catalogue.replace(np.array([True, False, False, False]), 6.0)
    assert catalogue.serials.tolist() == [6, 1, 2, 5]


def test_restart_keeps_its_own_copy_and_counts_anew() -> None:
    catalogue, since = Catalogue(2, 1), np.array([-1.0, 0.0])
    catalogue.restart(since)
    catalogue.replace(np.array([True, True]), 1.0)
    assert since.tolist() == [-1.0, 0.0]
    catalogue.restart(since)
    assert catalogue.serials.tolist() == [0, 1]


def test_candidates_are_the_smallest_keys_in_their_order() -> None:
    catalogue = Catalogue(5, 3)
    keys = np.array([[0.9, 0.1, 0.5, 0.3, 0.7], [0.2, 1.1, 1.0, 0.8, 0.4]])
    assert catalogue.draw(keys).tolist() == [[1, 3, 2], [0, 4, 3]]


def test_all_shelves_may_be_asked_for() -> None:
    assert Catalogue(3, 3).draw(np.array([[0.3, 0.2, 0.1]])).tolist() == [[2, 1, 0]]


def test_each_item_is_as_likely_in_each_candidate_place() -> None:
    """24,000 draws of 3 from 8: each count is binomial with mean 3,000 and standard deviation 51; 5 of them are 256."""
    drawn = Catalogue(8, 3).draw(np.random.default_rng(1).random((24_000, 8)))
    counts = np.stack([np.bincount(drawn[:, place], minlength=8) for place in range(3)])
    assert np.abs(counts - 3000).max() < 256


def test_a_pool_smaller_than_the_candidates_is_refused() -> None:
    with pytest.raises(WorldError, match="pool=3 can't give num_candidates=4"):
        Catalogue(3, 4)
