from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import ray
import torch
from numpy.testing import assert_allclose

import envs  # noqa: F401 - registers the worlds
from policies.base import PolicyError
from policies.gradient.rllib import Gradient, GradientConfig, SlateDistribution, SlateModule, histories_of
from policies.neural.history import of_session

WORLD = "slateloop/InterestEvolution-v0"
ANYWHERE = f"envs:{WORLD}"
"""In another process, which has not imported the worlds."""


@pytest.fixture(scope="module")
def _local_ray() -> Iterator[None]:
    folder = tempfile.mkdtemp(prefix="sl-", dir="/tmp")
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False, _temp_dir=folder
    )
    yield
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def config() -> GradientConfig:
    tiny: Any = GradientConfig().environment(WORLD, env_config={"slate_size": 3})
    tiny.training(train_batch_size_per_learner=200, minibatch_size=100, num_epochs=1)
    tiny.env_runners(num_envs_per_env_runner=2)
    tiny.rl_module(model_config={"hidden": [8], "seed": 3})
    tiny.debugging(seed=4, log_level="ERROR")
    made: GradientConfig = tiny
    return made


def parameters(algorithm: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {name: value.detach().numpy().copy() for name, value in algorithm.get_module().named_parameters()}


@pytest.mark.slow
@pytest.mark.usefixtures("_local_ray")
def test_it_trains_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    algorithm = config().build_algo()
    try:
        before = parameters(algorithm)
        result = algorithm.train()
        assert result["env_runners"]["episode_return_mean"] > 0.0
        after = parameters(algorithm)
        assert any(not np.array_equal(before[name], after[name]) for name in before if "scorer" in name)
        assert any(not np.array_equal(before[name], after[name]) for name in before if "critic" in name)
        saved = algorithm.save_to_path(str(tmp_path))
        again = Gradient.from_checkpoint(saved)
        assert all(np.array_equal(after[name], value) for name, value in parameters(again).items())
        again.train()
        again.stop()
    finally:
        algorithm.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("_local_ray")
def test_tune_tries_it_with_several_settings(tmp_path: Path) -> None:
    tried = config().environment(ANYWHERE).training(lr=ray.tune.grid_search([1e-3, 1e-4]))
    tuner = ray.tune.Tuner(
        Gradient,
        param_space=tried,
        run_config=ray.tune.RunConfig(stop={"training_iteration": 1}, storage_path=str(tmp_path), verbose=0),
    )
    found = tuner.fit()
    assert len(found) == 2
    assert not found.errors


def module() -> SlateModule:
    env: Any = gymnasium.make(WORLD, slate_size=3)
    return SlateModule(
        observation_space=env.observation_space, action_space=env.action_space, model_config={"hidden": [8]}
    )


def test_the_module_scores_the_candidates_of_a_world() -> None:
    made = module()
    seen = {"user": torch.zeros(5, 20), "items": torch.zeros(5, 10, 20)}
    found = made.forward_exploration({"obs": seen})["action_dist_inputs"]
    assert found.shape == (5, 10)
    slates = made.get_exploration_action_dist_cls().from_logits(found).sample()
    assert slates.shape == (5, 3)
    assert all(len(set(slate)) == 3 for slate in slates.tolist())


def test_a_world_that_is_none_of_ours_is_refused() -> None:
    space: Any = gymnasium.spaces
    with pytest.raises(PolicyError, match="user and items"):
        SlateModule(observation_space=space.Box(0, 1, (3,)), action_space=space.Discrete(2), model_config={})


def test_slates_are_drawn_and_judged_alike() -> None:
    scores = torch.tensor([[0.5, -1.0, 2.0, 0.0]]).repeat(6, 1)
    made = SlateDistribution.of(2).from_logits(scores)
    slates, likely = made.sample(return_logp=True)
    assert_allclose(made.logp(slates), likely)
    assert made.to_deterministic().sample().tolist() == [[2, 0]] * 6
    logs = torch.log_softmax(scores[0], dim=0)
    assert_allclose(made.entropy()[0], -(logs.exp() * logs).sum())


class Episode:
    """What is asked of RLlib's, which by then is one step longer than it was."""

    def __init__(self, items: np.ndarray[Any, Any], slates: np.ndarray[Any, Any], clicks: np.ndarray[Any, Any]) -> None:
        self._items, self._clicks, self._slates = items, clicks, slates

    def __len__(self) -> int:
        return len(self._slates) + 1

    def get_observations(self, which: slice) -> Any:
        return {"items": self._items[which], "response": {"click": self._clicks[which]}}

    def get_actions(self, which: slice) -> Any:
        return self._slates[which]


def test_histories_come_from_the_clicks_that_the_next_observation_tells_of() -> None:
    dice = np.random.default_rng(1)
    items, slates = dice.random((4, 5, 2)).astype(np.float32), np.array([[0, 1], [4, 2], [3, 0]])
    clicks = np.array([[0, 0], [0, 1], [0, 0], [1, 0]], dtype=np.float32)
    shown = np.stack([items[step][slates[step]] for step in range(3)])
    shown = np.concatenate([np.ones((3, 2, 1), dtype=np.float32), shown], axis=-1)
    expected = of_session(shown, clicks[1:] > 0)
    assert_allclose(histories_of(Episode(items, slates, clicks)), expected)
