"""Configurations of agents in RLlib: what is refused, what is derived, and for which world."""

from __future__ import annotations

from typing import Any

import pytest
from ray import tune

from policies.base import PolicyError
from simulator.rllib.gradient import GradientConfig
from simulator.rllib.slateq import SlateQConfig
from tests.simulator.rllib.small import CONFIGS, N_STEPS, WORLD, config


@pytest.mark.parametrize(
    ("setting", "value", "cure"),
    [
        ("lr", 1e-4, "learning_rate"),
        ("gamma", 0.9, "gamma"),
        ("minibatch_size", 7, "minibatch"),
        ("num_epochs", 2, "epochs"),
        ("lambda_", 0.5, "trace"),
        ("clip_param", 0.3, "clip"),
        ("entropy_coeff", 0.1, "entropy"),
        ("grad_clip", 2.0, "gradient_norm"),
        ("model", {"fcnet_hiddens": [8]}, "hidden"),
    ],
)
def test_settings_of_rllib_that_are_options_of_the_agent_are_refused(setting: str, value: Any, cure: str) -> None:
    with pytest.raises(ValueError, match=rf"training\({setting}=.*: nothing reads it here; say options=.*'{cure}'"):
        GradientConfig().training(**{setting: value})


def test_settings_that_nothing_does_the_like_of_are_refused_too() -> None:
    with pytest.raises(ValueError, match=r"training\(train_batch_size_per_learner=64\).*rollout_fragment_length"):
        SlateQConfig().training(train_batch_size_per_learner=64)
    with pytest.raises(ValueError, match=r"training\(clip_param=0\.2\).*leave it out"):
        SlateQConfig().training(clip_param=0.2)
    with pytest.raises(ValueError, match=r"batch_mode='complete_episodes'.*leave it out"):
        config("gradient").env_runners(batch_mode="complete_episodes").validate()


@pytest.mark.parametrize("kind", CONFIGS)
def test_what_is_wrong_is_told_when_it_is_built(kind: str) -> None:
    with pytest.raises(PolicyError, match=r"options\.trace=7"):
        config(kind, trace=7).build_algo()
    with pytest.raises(PolicyError, match=r"options\.trace=\{'grid_search'"):
        config(kind, trace=tune.grid_search([0.5])).build_algo()
    with pytest.raises(TypeError, match=r"'CartPole-v1'.* is no world of slates"):
        CONFIGS[kind]().environment("CartPole-v1").build_algo()
    with pytest.raises(ValueError, match=r"environment: none named"):
        _ = CONFIGS[kind]().sizes


def test_rllibs_settings_follow_from_the_options() -> None:
    made = config("gradient", trace=0.7, clip=0.3, entropy=0.01, learning_rate=1e-3, last_learning_rate=1e-4)
    made.validate()
    assert (made.lambda_, made.clip_param, made.entropy_coeff) == (0.7, 0.3, 0.01)
    assert made.lr == [[0, 1e-3], [1000, 1e-4]]
    assert (made.train_batch_size_per_learner, made.minibatch_size, made.num_epochs) == (N_STEPS, 32, 1)


def test_another_world_is_encoded_anew() -> None:
    made: Any = SlateQConfig().environment(WORLD)
    made.validate()
    before = made.encoding
    made.validate()
    assert made.encoding is before
    made.environment("slateloop/News-v0").validate()
    assert made.encoding.encoder.to_bytes() != before.encoder.to_bytes()


def test_evaluations_in_another_world_see_it_as_training_did() -> None:
    made = config("slateq")
    made.validate()
    other = made.copy(copy_frozen=False).evaluation(evaluation_config={"env_config": {"sensitivity": 0.1}})
    evaluated = other.get_evaluation_config_object()
    evaluated.validate()
    assert evaluated.env == WORLD
    assert evaluated.encoding.encoder.to_bytes() == made.encoding.encoder.to_bytes()
