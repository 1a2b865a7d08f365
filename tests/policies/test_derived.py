"""Derived features as they are logged."""

from __future__ import annotations

import numpy as np
import pytest

from policies.base import DERIVED, GROWING, N_LOOP_DERIVED
from policies.derived import completed, packed, rounded, unpacked


def test_names_are_a_contract() -> None:
    """Their order is that of the columns in every log there is: append to it, and change nothing."""
    assert DERIVED == (
        "item_rate",
        "item_count",
        "item_age_h",
        "tag_rate",
        "user_rate",
        "user_count",
        "user_tag_rate",
        "user_tag_count",
    )
    assert DERIVED.index("user_rate") == N_LOOP_DERIVED
    assert set(DERIVED) >= GROWING


def test_values_are_the_nearest_of_float32() -> None:
    values = (0.1, -1 / 3, 5.0, 1e300, -1e300)
    assert rounded(*values)[:3] == tuple(float(np.float32(value)) for value in values[:3])
    assert unpacked(packed(values)) == rounded(*values)
    assert np.isfinite(rounded(*values)).all()


@pytest.mark.parametrize("n_columns", range(2, len(DERIVED) + 1))
def test_what_is_missing_is_unknown(n_columns: int) -> None:
    values = (0.5, 3.0, 7.0, 0.25, -1.0, 2.0, 0.75, 1.0)
    unknown = (0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0)
    assert completed(values[:n_columns]) == values[:n_columns] + unknown[n_columns:]


def test_nothing_stays_nothing() -> None:
    assert completed(()) == ()
