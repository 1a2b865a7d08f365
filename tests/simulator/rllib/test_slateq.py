"""SlateQ as an RLlib algorithm: trains, is saved and goes on, runs in Tune, and gives bytes that serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import torch

from policies.base import Action, Context, PolicyError
from policies.slateq.options import parse
from policies.slateq.policy import SlateQPolicy
from simulator import encoded_world
from simulator.rllib.slateq import SlateQ, SlateQConfig
from tests.contracts.policy_contract import ask

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning:ray.*"),
]

N_STEPS = 32 * 4
"""Of one iteration."""


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        namespace="test-rllib-slateq",
    )
    yield
    ray.shutdown()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_world, "N_STEPS", 300)


def config(**options: Any) -> SlateQConfig:
    made: SlateQConfig = SlateQConfig().environment(
        "slateloop/LongTermSatisfaction-v0", env_config={"sensitivity": 0.3, "num_candidates": 4}
    )
    made = made.env_runners(num_envs_per_env_runner=32, rollout_fragment_length=4)
    made.training(n_steps=1000, options={"hidden": [8], "minibatch": 32, **options}).debugging(seed=0)
    return made


@pytest.fixture
def algorithm() -> Iterator[SlateQ]:
    made = config().build_algo()
    yield made
    made.stop()


def test_it_trains_and_tells_of_it(algorithm: SlateQ) -> None:
    before = algorithm.snapshot()
    for _ in range(15):
        result = algorithm.train()
    runners, learner = result["env_runners"], result["learners"]["default_policy"]
    assert runners["num_env_steps_sampled_lifetime"] == 15 * N_STEPS
    assert 300.0 < runners["episode_return_mean"] < 3000.0
    assert runners["episode_len_mean"] == 60.0
    assert {"value_loss", "item_loss", "choice_loss", "total_loss"} <= learner.keys()
    assert learner["default_optimizer_learning_rate"] == pytest.approx(5e-5)
    assert algorithm.snapshot() != before


def test_what_it_gives_can_be_served(algorithm: SlateQ) -> None:
    algorithm.train()
    actions = [Action(str(bait), {"clickbait": bait}) for bait in (0.2, 0.7, 0.9)]
    found = ask(SlateQPolicy(parse({}), algorithm.snapshot()).prepare(Context(), actions))
    assert found.sum() == pytest.approx(1.0)


def test_the_module_alone_answers_with_slates(algorithm: SlateQ) -> None:
    seen = {"contexts": torch.ones(3, 1), "candidates": torch.rand(3, 4, 2)}
    found = algorithm.get_module().forward_inference({"obs": seen})["actions"]
    assert found.shape == (3, 1)


def test_saved_it_goes_on_where_it_was(algorithm: SlateQ, tmp_path: Path) -> None:
    for _ in range(3):
        algorithm.train()
    path = algorithm.save_to_path(str(tmp_path / "saved"))
    again = SlateQ.from_checkpoint(path)
    try:
        assert again.snapshot() == algorithm.snapshot()
        assert again.env_runner.reward_scale == algorithm.env_runner.reward_scale
        assert again.train()["env_runners"]["num_env_steps_sampled_lifetime"] == 4 * N_STEPS
        momenta = [_momenta(one) for one in (algorithm, again)]
        assert momenta[0] == momenta[1] - 4  # as many updates as an iteration has
    finally:
        again.stop()


def _momenta(algorithm: SlateQ) -> int:
    """Updates that Adam remembers."""
    optimizer = algorithm.learner_group._learner.get_optimizer()
    return int(next(iter(optimizer.state.values()))["step"])


def test_the_same_seed_gives_the_same_bytes() -> None:
    found = []
    for _ in range(2):
        made = config().build_algo()
        made.train()
        found.append(made.snapshot())
        made.stop()
    assert found[0] == found[1]


def test_tune_runs_it(tmp_path: Path) -> None:
    run = ray.tune.RunConfig(stop={"training_iteration": 2}, storage_path=str(tmp_path), verbose=0)
    found = ray.tune.Tuner(SlateQ, param_space=config(), run_config=run).fit()
    assert found.num_errors == 0
    assert found[0].metrics["env_runners"]["num_env_steps_sampled_lifetime"] == 2 * N_STEPS


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(PolicyError, match=r"options\.trace=7"):
        config(trace=7)
    with pytest.raises(TypeError, match=r"'CartPole-v1'.* is no world of slates"):
        SlateQConfig().environment("CartPole-v1").build_algo()
