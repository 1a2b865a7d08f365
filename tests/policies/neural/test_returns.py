"""λ-returns: by hand, and as the sums they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from policies.neural.returns import advantages

NEVER = np.zeros((3, 1), dtype=np.bool_)


def column(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)[:, None]


def at(step: int) -> NDArray[np.bool_]:
    flags = NEVER.copy()
    flags[step] = True
    return flags


def test_by_hand() -> None:
    """Errors 1 + 5 - 4, 2 + 6 - 5, 3 + 7 - 6; each further one counts half."""
    found = advantages(column(1, 2, 3), column(4, 5, 6), column(5, 6, 7), ended=NEVER, cut=NEVER, lambda_=0.5)
    assert_allclose(found[:, 0], [2 + 3 / 2 + 4 / 4, 3 + 4 / 2, 4])


def test_at_an_end_nothing_follows() -> None:
    """Errors 2, 2 - 5, 4."""
    found = advantages(column(1, 2, 3), column(4, 5, 6), column(5, 100, 7), ended=at(1), cut=NEVER, lambda_=0.5)
    assert_allclose(found[:, 0], [2 - 3 / 2, -3, 4])


def test_where_an_episode_is_cut_the_value_goes_on_and_the_trace_stops() -> None:
    found = advantages(column(1, 2, 3), column(4, 5, 6), column(5, 8, 7), ended=NEVER, cut=at(1), lambda_=0.5)
    assert_allclose(found[:, 0], [2 + 5 / 2, 5, 4])


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_lambda_one_gives_what_was_earned(gamma: float) -> None:
    """Of a whole episode: discounted rewards less the first value, whatever the others are."""
    dice = np.random.default_rng(0)
    rewards, values = dice.normal(size=(2, 3, 4)).astype(np.float32)
    after = np.concatenate([values[1:], np.full((1, 4), 9.0, dtype=np.float32)])
    ended = np.repeat(at(2), 4, axis=1)
    found = advantages(rewards, values, after, ended=ended, cut=~ended & False, lambda_=1.0, gamma=gamma)
    assert_allclose(found[0], rewards[0] + gamma * rewards[1] + gamma**2 * rewards[2] - values[0], rtol=1e-5)


def test_lambda_zero_looks_one_step_ahead() -> None:
    found = advantages(
        column(1, 2, 3), column(4, 5, 6), column(5, 6, 7), ended=NEVER, cut=NEVER, lambda_=0.0, gamma=0.5
    )
    assert_allclose(found[:, 0], [1 + 2.5 - 4, 2 + 3 - 5, 3 + 3.5 - 6])
