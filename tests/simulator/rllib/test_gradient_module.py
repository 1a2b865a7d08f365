"""RLlib's PPO over our slates does what the plain trainer's objective does, and cuts the same gradients."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.policy.sample_batch import SampleBatch

from policies.gradient.objective import Batch, loss
from policies.gradient.plackett_luce import Slates
from policies.neural.nets import arrays_of
from simulator.rllib.gradient_module import GradientModule, GradientTorchLearner
from simulator.rllib.slateq_module import SlateQModule
from simulator.rllib.world_module import OPTIONS, SIZES, Sizes
from tests.policies.neural import segments
from tests.simulator.rllib.small import config

SIZES_OF_SEGMENTS = Sizes(segments.N_CONTEXT, segments.N_ACTION, segments.N_ACTION + 1, segments.N_SLOTS)


def module(kind: type[Any] = GradientModule, **options: Any) -> Any:
    """With parameters that no start would give."""
    made = kind(model_config={OPTIONS: kind.parse({"hidden": [8], **options}), SIZES: SIZES_OF_SEGMENTS})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.net.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return made


class Rate:
    """What RLlib's learner asks of its entropy schedule."""

    def __init__(self, value: float) -> None:
        self._value = value

    def get_current_value(self) -> float:
        return self._value


class Nothing:
    """Figures that nobody reads."""

    def log_dict(self, *_: object, **__: object) -> None:
        pass


def learner(of: Any) -> Any:
    """What RLlib's methods look at in a learner of this module."""
    rates = {"agent": Rate(of.options.entropy)}
    return SimpleNamespace(module={"agent": of}, entropy_coeff_schedulers_per_module=rates, metrics=Nothing())


@pytest.mark.parametrize("credit", ["slate", "item"])
def test_the_loss_is_that_of_the_plain_trainer(credit: str) -> None:
    """With nets that have moved since the slates were drawn, so that the ratio of PPO isn't 1 and some are clipped."""
    options: dict[str, Any] = {"credit": credit, "entropy": 0.05, "clip": 0.2}
    before = module(**options)
    columns = before.steps(segments.segment(ended=[(3, 1)], cut=[(5, 2)]), scale=2.0)
    batch = {name: torch.from_numpy(column) for name, column in columns.items()}
    after = module(**options)
    with torch.no_grad():
        for parameter in after.net.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    made = config("gradient", **options)
    made.validate()
    found = GradientTorchLearner.compute_loss_for_module(
        learner(after), module_id="agent", config=made, batch=batch, fwd_out=after.forward_train(batch)
    )
    plain = loss(
        after.net,
        Batch(
            batch["contexts"],
            batch["histories"],
            batch["candidates"],
            Slates(batch["actions"]),
            batch["clicks"] if credit == "item" else None,
            torch.ones(len(batch["actions"])),
            batch["advantages"],
            batch["value_targets"],
        ),
        batch["action_logp"],
        after.options,
    )
    assert found.item() == pytest.approx(plain.item(), rel=1e-5)


def test_the_scorers_gradient_is_cut_and_the_critics_is_not() -> None:
    made = module(gradient_norm=0.5)
    net = made.net
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    grads = {name: parameter.grad for name, parameter in net.named_parameters()}
    found = GradientTorchLearner.postprocess_gradients_for_module(
        learner(made), module_id="agent", module_gradients_dict=grads
    )
    assert found is grads
    length = sum(float((one.grad**2).sum()) for one in net.scorer.parameters()) ** 0.5
    assert length == pytest.approx(0.5, rel=1e-4)
    assert all((one.grad == 1.0).all() for one in net.critic.parameters())


@pytest.mark.parametrize("kind", [GradientModule, SlateQModule])
def test_a_module_alone_answers_with_its_best_slates(kind: type[Any]) -> None:
    made, segment = module(kind), segments.segment()
    candidates = segment.candidates
    assert candidates is not None
    seen = {"contexts": torch.from_numpy(segment.contexts[0]), "candidates": torch.from_numpy(candidates[0])}
    found = made.forward_inference({"obs": seen})["actions"]
    assert found.shape == (3, segments.N_SLOTS)
    assert all(len(set(slate)) == segments.N_SLOTS for slate in found.tolist())
    assert np.array_equal(found, made.forward_inference({"obs": seen})["actions"])


@pytest.mark.parametrize("kind", [GradientModule, SlateQModule])
def test_rewards_are_divided_by_the_scale(kind: type[Any]) -> None:
    """Nets that say 0 give returns in proportion to the rewards."""
    made = kind(model_config={OPTIONS: kind.parse({"hidden": [8]}), SIZES: SIZES_OF_SEGMENTS})
    assert all(name in arrays_of(made.net) for name in made.arrays())
    name = "returns" if kind is SlateQModule else "value_targets"
    once, half = (SampleBatch(made.steps(segments.segment(), scale=scale))[name] for scale in (1.0, 2.0))
    assert np.abs(once).max() > 0.1
    np.testing.assert_allclose(half, once / 2, rtol=1e-5)
