"""Snapshots: whole, checked, and without what serving doesn't need."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from policies.base import PolicyError
from policies.neural.arrays import from_bytes
from policies.slateq import snapshot
from policies.slateq.snapshot import Snapshot
from tests.policies.slateq.trained import arrays, blob, encoder


def test_equal_parts_equal_bytes_and_they_load() -> None:
    known = encoder()
    data = snapshot.to_bytes(known, arrays(known))
    assert data == blob()
    found = Snapshot.from_bytes(data)
    assert found.encoder.to_bytes() == known.to_bytes()
    assert found.model.slots.dtype == np.float64


def test_what_only_training_needs_is_left_out() -> None:
    names = from_bytes(msgspec.msgpack.decode(blob())[3])
    assert "advantage.out.weight" in names
    assert not [name for name in names if name.startswith("value")]


def test_a_broken_net_is_never_written() -> None:
    known = encoder()
    broken = arrays(known)
    broken["appeal.weight"][0, 0] = np.inf
    with pytest.raises(PolicyError, match=r"appeal\.weight: a parameter is not finite"):
        snapshot.to_bytes(known, broken)


@pytest.mark.parametrize("data", [b"", b"x", b"\x94\xa1a\x01\xc4\x00\xc4\x00"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        Snapshot.from_bytes(data)


@pytest.mark.parametrize(("place", "value", "said"), [(0, "gradient", "a snapshot of gradient"), (1, 9, "format 9")])
def test_another_kind_or_format_is_refused_by_name(place: int, value: object, said: str) -> None:
    parts = msgspec.msgpack.decode(blob())
    parts[place] = value
    with pytest.raises(PolicyError, match=said):
        Snapshot.from_bytes(msgspec.msgpack.encode(parts))


def test_features_and_nets_must_belong_together() -> None:
    from policies.base import Action, Context
    from policies.neural.dense import DenseEncoder

    other = DenseEncoder.fitted([(Context({"x": 1.0}), [Action("a", {"y": 2.0})])])
    with pytest.raises(PolicyError, match="differ in their features"):
        Snapshot.from_bytes(snapshot.to_bytes(other, arrays(encoder())))
