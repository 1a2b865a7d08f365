"""The only list of policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from policies import registry
from policies.base import Learner, Policy, PolicyError
from policies.gradient import options as gradient_options
from policies.gradient import shapes as gradient_shapes
from policies.neural.learnable import Learnable
from policies.neural.shapes import NetSizes
from policies.slateq import snapshot
from policies.slateq.shapes import shapes
from tests.policies.slateq.trained import arrays, encoder

REWARDS = (0.0, 1.0)
SIZES: dict[str, Any] = {"hidden": [64, 64]}


def test_kinds() -> None:
    assert registry.kinds() == ("uniform", "order", "popularity", "vw", "linear", "gradient", "slateq")
    assert [kind for kind in registry.kinds() if registry.is_static(kind)] == ["uniform", "order", "popularity"]


@pytest.mark.parametrize("kind", registry.kinds())
def test_every_kind_learns_resumes_and_serves(kind: str) -> None:
    assert registry.problems(kind, {}) == []
    learner = registry.make_learner(kind, {}, reward_range=REWARDS, seed=1)
    again = registry.resume_learner(kind, {}, learner.state(), reward_range=REWARDS)
    assert isinstance(again, Learner)
    assert again.snapshot() == learner.snapshot()
    assert isinstance(registry.make_policy(kind, {}, learner.snapshot(), reward_range=REWARDS), Policy)


def test_static_kinds_need_no_snapshot() -> None:
    for kind in ("uniform", "order", "popularity"):
        assert isinstance(registry.make_policy(kind, {}, b"", reward_range=REWARDS), Policy)
    with pytest.raises(PolicyError, match="no Vowpal Wabbit model"):
        registry.make_policy("vw", {}, b"", reward_range=REWARDS)


def test_wrong_settings_are_all_named() -> None:
    (unknown,) = registry.problems("magic", {"a": 1})
    assert "uniform, order, popularity, vw" in unknown
    assert len(registry.problems("order", {"a": 1, "b": 2})) == 2
    assert len(registry.problems("vw", {"a": 1, "bits": "many"})) == 2


def test_wrong_settings_make_nothing() -> None:
    with pytest.raises(PolicyError, match="magic"):
        registry.make_policy("magic", {}, b"", reward_range=REWARDS)
    with pytest.raises(PolicyError, match="no such option"):
        registry.make_learner("vw", {"colour": 1}, reward_range=REWARDS, seed=1)
    with pytest.raises(PolicyError, match="has no options"):
        registry.resume_learner("uniform", {"colour": 1}, b"", reward_range=REWARDS)


def trained_with(**fixed: float) -> bytes:
    known = encoder()
    return Learnable.of("slateq", known, parameters=arrays(known, **SIZES), reward_scale=1.5, fixed=fixed).to_bytes()


def test_a_learner_may_begin_with_what_was_trained_in_a_world() -> None:
    known, options, trained = encoder(), SIZES, trained_with(value_scale=20)
    learner = registry.start_learner("slateq", options, trained, reward_range=REWARDS, seed=1)
    assert learner.snapshot() == snapshot.to_bytes(known, arrays(known, **options))
    with pytest.raises(PolicyError, match="not trained in a world"):
        registry.start_learner("vw", {}, trained, reward_range=REWARDS, seed=1)


@pytest.mark.parametrize(("fixed", "scale"), [({"value_scale": 5.0}, 5.0), ({}, 20.0)])
def test_a_learner_goes_on_with_the_scale_of_values_that_there_was_in_training(fixed: Any, scale: float) -> None:
    """Agents that were kept before it was told had 20."""
    trained = trained_with(**fixed)
    registry.start_learner("slateq", {**SIZES, "value_scale": scale}, trained, reward_range=REWARDS, seed=1)
    for other in ({"value_scale": scale + 1.0}, {"value_scale": scale + 1.0, "hidden": [8]}):
        with pytest.raises(PolicyError, match=f"value_scale={scale + 1.0}: the agent was trained with {scale}; set it"):
            registry.start_learner("slateq", {**SIZES, **other}, trained, reward_range=REWARDS, seed=1)


@pytest.mark.parametrize("scale", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
def test_what_no_loop_can_have_is_no_start(scale: float) -> None:
    """Else settings would be told to have it, and be refused for it."""
    said = (
        rf"trained with options that no loop can have: options\.value_scale={re.escape(repr(scale))}: must be a number"
    )
    with pytest.raises(PolicyError, match=said):
        registry.trained_in("slateq", trained_with(value_scale=scale))


def test_nets_that_no_loop_can_have_are_no_start() -> None:
    known = encoder()
    nets = {name: np.zeros(shape, np.float32) for name, shape in shapes(NetSizes((2,) * 5, 0), known, 1).items()}
    deep = Learnable.of("slateq", known, parameters=nets, reward_scale=1.5, fixed={})
    with pytest.raises(PolicyError, match=r"options\.hidden=.*at most 4 whole numbers"):
        registry.trained_in("slateq", deep.to_bytes())


def gradient_with(**fixed: float) -> bytes:
    known = encoder()
    wanted = gradient_shapes.shapes(NetSizes((8,), 0), known)
    nets = {name: np.zeros(shape, np.float32) for name, shape in wanted.items()}
    return Learnable.of("gradient", known, parameters=nets, reward_scale=1.5, fixed=fixed).to_bytes()


@pytest.mark.parametrize("fixed", [{}, {"value_scale": 60.0}, gradient_options.GradientOptions().fixed])
def test_a_critic_is_read_as_it_was_in_training(fixed: Mapping[str, float]) -> None:
    """Agents that were kept before it was told had 60; no loop can say otherwise, so none is told to."""
    assert registry.trained_in("gradient", gradient_with(**fixed))[1] == {"hidden": (8,), "item_units": 0}


@pytest.mark.parametrize("scale", [20.0, float("nan")])
def test_a_critic_that_this_release_would_misread_is_no_start(scale: float) -> None:
    said = f"trained with value_scale={scale}: gradient of this release has 60.0; train the agent again"
    with pytest.raises(PolicyError, match=re.escape(said)):
        registry.start_learner(
            "gradient", {"hidden": [8]}, gradient_with(value_scale=scale), reward_range=REWARDS, seed=1
        )


def test_an_agent_that_was_kept_untold_is_no_start_for_a_release_with_another_scale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gradient_options, "VALUE_SCALE", 30.0)
    with pytest.raises(PolicyError, match=r"value_scale=60.0: gradient of this release has 30.0"):
        registry.trained_in("gradient", gradient_with())


def test_what_this_release_does_not_know_of_its_training_is_told() -> None:
    with pytest.raises(PolicyError, match="trained with warmth, which slateq of this release doesn't know"):
        registry.trained_in("slateq", trained_with(warmth=3.0, value_scale=20.0))
