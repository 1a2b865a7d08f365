"""What a training run leaves to a learner: the same when it is read back, and nothing else is taken for it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from policies.base import Action, Context, PolicyError
from policies.neural import arrays
from policies.neural.dense import DenseEncoder
from policies.neural.learnable import Learnable

ENCODER = DenseEncoder.fitted([(Context({"mood": mood}), [Action("a", {"kind": "b"})]) for mood in (0.1, 0.9)])
NETS = {"out": np.array([[1.5, -2.0]], dtype=np.float32), "bias": np.zeros(0, dtype=np.float32)}


def made(reward_scale: float | None = 2.5, **fixed: float) -> Learnable:
    return Learnable.of("slateq", ENCODER, parameters=NETS, reward_scale=reward_scale, fixed=fixed)


def test_it_comes_back_as_it_was() -> None:
    found = Learnable.from_bytes(made(value_scale=20.0).to_bytes(), "slateq")
    assert found == made(value_scale=20.0)
    assert (found.kind, found.reward_scale, found.fixed) == ("slateq", 2.5, {"value_scale": 20.0})
    assert DenseEncoder.from_bytes(found.encoder).to_bytes() == ENCODER.to_bytes()
    parameters = arrays.from_bytes(found.parameters)
    assert parameters.keys() == NETS.keys()
    for name, array in NETS.items():
        assert_array_equal(parameters[name], array)


def test_equal_parts_give_equal_bytes_in_whatever_order() -> None:
    assert made(a=1.0, b=2.0).to_bytes() == made(b=2.0, a=1.0).to_bytes()
    assert made(a=1.0).to_bytes() != made(a=2.0).to_bytes()


def test_rewards_that_were_never_measured_are_as_they_come() -> None:
    assert made(None).reward_scale == 1.0


def test_what_was_kept_before_fixed_options_were_told_has_none() -> None:
    untold = msgspec.msgpack.encode(msgspec.msgpack.decode(made(value_scale=20.0).to_bytes())[:5])
    assert Learnable.from_bytes(untold, "slateq") == made()


def test_another_kind_or_version_is_refused() -> None:
    with pytest.raises(PolicyError, match="a trained agent of kind 'slateq', format 1; this reads gradient, 1"):
        Learnable.from_bytes(made().to_bytes(), "gradient")
    newer = msgspec.structs.replace(made(), format=2)
    with pytest.raises(PolicyError, match="a trained agent of kind 'slateq', format 2; this reads slateq, 1"):
        Learnable.from_bytes(newer.to_bytes(), "slateq")


@pytest.mark.parametrize("data", [b"", b"nonsense", made().to_bytes()[:-1], msgspec.msgpack.encode(["slateq", 1])])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="no trained agent that can learn on"):
        Learnable.from_bytes(data, "slateq")


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), 0.0, -1.0])
def test_rewards_can_not_be_divided_by_this(scale: float) -> None:
    broken = msgspec.structs.replace(made(), reward_scale=scale)
    with pytest.raises(PolicyError, match=f"reward_scale={scale} must be finite and positive; train the agent again"):
        Learnable.from_bytes(broken.to_bytes(), "slateq")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nets_that_are_not_finite_leave_nothing(value: float) -> None:
    with pytest.raises(PolicyError, match="out: a parameter is not finite"):
        Learnable.of("slateq", ENCODER, parameters={"out": np.full(2, value, np.float32)}, reward_scale=1.0, fixed={})
