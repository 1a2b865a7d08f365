"""Arrays as bytes and back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import PolicyError
from policies.neural.arrays import from_bytes, part, to_bytes

ARRAYS = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.bias": np.array([0.1], dtype=np.float32),
    "empty": np.zeros((0, 4), dtype=np.float32),
}


def test_they_come_back_exactly_and_may_be_changed() -> None:
    found = from_bytes(to_bytes(ARRAYS))
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert_array_equal(found[name], array)
        assert found[name].shape == array.shape
    found["a.bias"][0] = 2.0


def test_the_order_of_names_changes_no_byte() -> None:
    assert to_bytes(dict(reversed(ARRAYS.items()))) == to_bytes(ARRAYS)


def test_what_is_not_finite_is_never_written() -> None:
    with pytest.raises(PolicyError, match=r"b\.weight: a parameter is not finite"):
        to_bytes({"b.weight": np.array([1.0, np.nan], dtype=np.float32)})


@pytest.mark.parametrize("data", [b"", b"x", to_bytes(ARRAYS)[:-1], to_bytes(ARRAYS)[:-8]])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        from_bytes(data)


def test_another_format_is_refused_by_name() -> None:
    data = bytearray(to_bytes(ARRAYS))
    data[1] = 7
    with pytest.raises(PolicyError, match="format 7"):
        from_bytes(bytes(data))


def test_a_part_goes_by_its_own_names() -> None:
    assert list(part(ARRAYS, "b")) == ["weight"]
    assert part(ARRAYS, "c") == {}
