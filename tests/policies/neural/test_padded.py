"""Steps of different sizes side by side."""

from __future__ import annotations

import numpy as np

from policies.neural.logged import LoggedStep
from policies.neural.padded import Padded, Shown


def step(n_candidates: int, items: list[int]) -> LoggedStep:
    """Candidates are numbered from 1; the first isn't allowed in the last slot."""
    n_slots = len(items)
    allowed = np.ones((n_slots, n_candidates), dtype=np.bool_)
    allowed[-1, 0] = False
    return LoggedStep(
        context=np.ones(1, dtype=np.float32),
        candidates=np.arange(1, n_candidates + 1, dtype=np.float32)[:, None],
        items=np.array(items, dtype=np.uint16),
        logged=np.full(n_slots, -0.5, dtype=np.float32),
        rewards=np.ones(n_slots, dtype=np.float32),
        clicks=np.array([True] * n_slots),
        allowed=allowed,
    )


def test_what_is_not_there_is_zeros_and_never_allowed() -> None:
    found = Padded.of([step(2, [1]), step(3, [0, 2])])
    assert found.candidates[:, :, 0].tolist() == [[1, 2, 0], [1, 2, 3]]
    assert found.items.tolist() == [[1, 0], [0, 2]]
    assert found.filled.tolist() == found.clicks.tolist() == [[True, False], [True, True]]
    assert found.allowed.astype(int).tolist() == [[[0, 1, 0], [0, 0, 0]], [[1, 1, 1], [0, 1, 1]]]
    assert found.logged.tolist() == [[-0.5, 0.0], [-0.5, -0.5]]


def test_of_what_was_shown_no_more_is_filled_up_than_slots() -> None:
    found = Shown.of([step(2, [1]), step(300, [0, 2])])
    assert found.items.tolist() == [[[2], [0]], [[1], [3]]]
    assert found.filled.tolist() == found.clicks.tolist() == [[True, False], [True, True]]
