"""State and snapshot of the linear bandit as bytes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from policies.base import PolicyError
from policies.linear import LinearLearner
from policies.linear_bytes import Snapshot, State
from policies.linear_options import LinearOptions
from tests.policies.offers import lessons


@pytest.fixture(scope="module")
def learner() -> LinearLearner:
    found = LinearLearner.fresh(LinearOptions(), reward_range=(0.0, 1.0), seed=2**64 - 1)
    found.learn(lessons(30))
    return found


def test_they_come_back_as_they_were(learner: LinearLearner) -> None:
    assert State.from_bytes(learner.state()).to_bytes() == learner.state()
    assert Snapshot.from_bytes(learner.snapshot()).to_bytes() == learner.snapshot()


@pytest.mark.parametrize(("read", "name"), [(State.from_bytes, "state"), (Snapshot.from_bytes, "snapshot")])
@pytest.mark.parametrize("data", [b"", b"\xc1", b"nonsense", msgspec.msgpack.encode([1, 2])])
def test_other_bytes_are_refused(read: Callable[[bytes], object], name: str, data: bytes) -> None:
    with pytest.raises(PolicyError, match=f"{name} of a linear bandit"):
        read(data)


def test_another_format_is_refused(learner: LinearLearner) -> None:
    for read, data in ((State.from_bytes, learner.state()), (Snapshot.from_bytes, learner.snapshot())):
        parts = msgspec.msgpack.decode(data)
        for others in (parts[1:], ["laid", "out", "otherwise"]):
            with pytest.raises(PolicyError, match="format 99"):
                read(msgspec.msgpack.encode([99, *others]))


def test_a_cut_array_is_refused(learner: LinearLearner) -> None:
    parts = msgspec.msgpack.decode(learner.snapshot())
    parts[4][1] = parts[4][1][:-8]
    with pytest.raises(PolicyError, match="no snapshot"):
        Snapshot.from_bytes(msgspec.msgpack.encode(parts))
