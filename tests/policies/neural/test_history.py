"""Histories: what running sums hold, and that a session's own are the same."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from policies.neural.history import Histories, n_features, of_session


def steps(n_steps: int, n_users: int) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(2)
    shown = dice.normal(size=(n_steps, n_users, 2, 4)).astype(np.float32)
    shown[..., 0] = 1.0
    return shown, dice.random((n_steps, n_users, 2)) < 0.4


def test_by_hand() -> None:
    """Two steps: the second item clicked; then nothing."""
    histories = Histories(1, 3)
    shown = np.array([[[1.0, 5.0, 6.0], [1.0, 7.0, 8.0]]], dtype=np.float32)
    histories.add(shown, np.array([[False, True]]))
    histories.add(shown, np.array([[False, False]]))
    assert n_features(3) == 4
    assert_allclose(histories.features, [[7.0 * 0.2, 8.0 * 0.2, 0.02, 0.02]], rtol=1e-6)


def test_a_new_session_has_none() -> None:
    shown, clicks = steps(1, 3)
    histories = Histories(3, 4)
    histories.add(shown[0], clicks[0])
    before = histories.features.copy()
    histories.begin(np.array([False, True, False]))
    assert_array_equal(histories.features[1], 0.0)
    assert_array_equal(histories.features[[0, 2]], before[[0, 2]])


def test_a_session_by_itself_has_the_same_as_among_others() -> None:
    shown, clicks = steps(6, 2)
    histories = Histories(2, 4)
    running = [histories.features.copy()]
    for step in range(6):
        histories.add(shown[step], clicks[step])
        running.append(histories.features.copy())
    for user in range(2):
        assert_allclose(of_session(shown[:, user], clicks[:, user]), [row[user] for row in running], atol=1e-6)
