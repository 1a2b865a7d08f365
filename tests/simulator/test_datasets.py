from __future__ import annotations

from envs import movielens
from simulator import datasets


def test_what_replays_is_what_the_worlds_read() -> None:
    assert datasets.__all__
    assert all(getattr(datasets, name) is getattr(movielens, name) for name in datasets.__all__)
