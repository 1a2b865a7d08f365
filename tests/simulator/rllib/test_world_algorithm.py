"""Both agents as RLlib algorithms: they learn, are evaluated, saved and tuned, and give bytes to serve and learn on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from ray.rllib.utils.metrics import EPISODE_RETURN_MEAN

from agent.starts import checked
from policies.base import Action, Context, PolicyError
from policies.registry import make_policy, start_learner
from simulator.rllib.world_algorithm import WorldAlgorithm
from tests.contracts.policy_contract import ask
from tests.simulator.rllib.small import CONFIGS, N_STEPS, OPTIONS, config, mean_return

pytestmark = pytest.mark.slow
both = pytest.mark.parametrize("kind", CONFIGS)


@pytest.fixture
def algorithm(kind: str) -> Iterator[WorldAlgorithm]:
    made = config(kind).build_algo()
    yield made
    made.stop()


@both
def test_it_learns_what_earns_most_and_evaluations_show_it(kind: str) -> None:
    """Random slates earn about 970, the best ones 1,630; who earns more than the middle between them has learned.

    Who always shows the first candidate, or the most clickbait, earns less than random. The mean of 200 users is known
    to within 20. Slates that explore earn less than those of the evaluation, which doesn't.
    """
    made = config(kind, hidden=[32], minibatch=512, epochs=4, learning_rate=0.01, last_learning_rate=1e-3)
    made.training(n_steps=40_000).env_runners(num_envs_per_env_runner=128, rollout_fragment_length=30)
    made.evaluation(evaluation_interval=10, evaluation_duration=200)
    algorithm = made.build_algo()
    try:
        found = [algorithm.train() for _ in range(10)][-1]["evaluation"]["env_runners"]
        exploring = _played(algorithm, explore=True)
        again = _played(algorithm, explore=False)
    finally:
        algorithm.stop()
    random, best = mean_return("random"), mean_return("least_clickbait")
    assert found[EPISODE_RETURN_MEAN] > (random + best) / 2 > random + 200.0
    assert (found["num_episodes"], found["episode_len_mean"]) == (200, 60.0)
    assert exploring < again == pytest.approx(found[EPISODE_RETURN_MEAN])


def _played(algorithm: WorldAlgorithm, *, explore: bool) -> float:
    """Return of the users of evaluations."""
    (played,) = algorithm.eval_env_runner.sample(num_episodes=200, explore=explore)
    assert played.env_steps() == 200 * 60
    return float(algorithm.eval_env_runner.get_metrics()[EPISODE_RETURN_MEAN].peek())


@both
def test_it_tells_of_its_training(kind: str, algorithm: WorldAlgorithm) -> None:
    before = algorithm.snapshot()
    for _ in range(15):
        result = algorithm.train()
    runners, learner = result["env_runners"], result["learners"]["default_policy"]
    assert runners["num_env_steps_sampled_lifetime"] == 15 * N_STEPS
    assert runners["episode_len_mean"] == 60.0
    losses = {"slateq": {"value_loss", "item_loss", "choice_loss"}, "gradient": {"policy_loss", "vf_loss", "entropy"}}
    assert losses[kind] <= learner.keys()
    assert learner["default_optimizer_learning_rate"] == pytest.approx(5e-5)
    assert algorithm.snapshot() != before


@both
def test_what_it_gives_serves_and_learns_on(kind: str, algorithm: WorldAlgorithm) -> None:
    algorithm.train()
    actions = [Action(str(bait), {"clickbait": bait}) for bait in (0.2, 0.7, 0.9)]
    policy = make_policy(kind, {}, algorithm.snapshot(), reward_range=(0.0, 100.0))
    assert ask(policy.prepare(Context(), actions)).sum() == pytest.approx(1.0)
    learner = start_learner(kind, {"hidden": [8]}, algorithm.learnable(), reward_range=(0.0, 100.0), seed=2)
    assert learner.snapshot() == algorithm.snapshot()
    assert checked(algorithm.to_start()).kind == kind


@both
def test_saved_it_goes_on_where_it_was(kind: str, algorithm: WorldAlgorithm, tmp_path: Path) -> None:
    for _ in range(3):
        algorithm.train()
    path = algorithm.save_to_path(str(tmp_path / "saved"))
    again = type(algorithm).from_checkpoint(path)
    try:
        assert again.learnable() == algorithm.learnable()  # with the scale of rewards
        assert again.train()["env_runners"]["num_env_steps_sampled_lifetime"] == 4 * N_STEPS
        assert _n_updates(algorithm) == _n_updates(again) - 4  # as many as an iteration has
    finally:
        again.stop()


def _n_updates(algorithm: WorldAlgorithm) -> int:
    """Updates that Adam remembers."""
    optimizer = algorithm.learner_group._learner.get_optimizer()
    return int(next(iter(optimizer.state.values()))["step"])


@both
def test_the_same_seed_gives_the_same_bytes(kind: str) -> None:
    found = []
    for _ in range(2):
        made = config(kind).build_algo()
        made.train()
        found.append(made.learnable())
        made.stop()
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["gradient"])
def test_runners_of_their_own_share_one_scale_of_rewards(kind: str, tmp_path: Path) -> None:
    algorithm = config(kind).env_runners(num_env_runners=2).build_algo()
    try:
        result = algorithm.train()
        scale = algorithm.reward_scale
        rewards = algorithm.env_runner_group.foreach_env_runner(lambda runner: runner.rewards, local_env_runner=False)
        assert len(rewards) == 2
        assert scale == pytest.approx(np.sqrt(np.mean(np.concatenate(rewards, dtype=np.float64) ** 2)))
        assert result["env_runners"]["num_env_steps_sampled_lifetime"] == 2 * N_STEPS
        path = algorithm.save_to_path(str(tmp_path / "saved"))
    finally:
        algorithm.stop()
    again = config(kind).build_algo()
    try:
        again.restore_from_path(path)
        assert again.reward_scale == scale
    finally:
        again.stop()


@pytest.mark.parametrize("n_runners", [0, 2])
def test_a_reward_that_is_not_finite_ends_training_wherever_the_runners_are(n_runners: int) -> None:
    """Of two in processes of their own the last one's is enough; RLlib would start it anew, and nobody would know."""
    algorithm = config("gradient").env_runners(num_env_runners=n_runners).build_algo()
    try:
        algorithm.train()
        before = algorithm.learnable()
        algorithm.env_runner_group.foreach_env_runner(_spoil, local_env_runner=n_runners == 0)
        with pytest.raises(PolicyError, match=r"rewards\[0, 3\]=nan: must be finite, and nothing was learned"):
            algorithm.train()
        assert algorithm.learnable() == before
    finally:
        algorithm.stop()


def _spoil(runner: Any) -> None:
    """The last runner's world rewards NaN from now on."""
    if runner.worker_index != runner.config.num_env_runners:
        return
    roll = runner.roll

    def spoiled(progress: float) -> Any:
        told = roll(progress)
        runner.rewards[3] = np.nan
        return told

    runner.roll = spoiled


@pytest.mark.parametrize("kind", ["gradient"])
def test_tune_searches_options_of_the_agent(kind: str, tmp_path: Path) -> None:
    tried = config(kind, trace=ray.tune.grid_search([0.5, 0.9]))
    found = _tuned(tried, tmp_path)
    assert sorted(one.config["agent_options"]["trace"] for one in found) == [0.5, 0.9]
    assert all(one.metrics["env_runners"]["num_env_steps_sampled_lifetime"] == 2 * N_STEPS for one in found)


@pytest.mark.parametrize("kind", ["slateq"])
def test_tune_searches_among_sets_of_options(kind: str, tmp_path: Path) -> None:
    tried = config(kind).training(options=ray.tune.grid_search([{**OPTIONS, "item_units": 2}]))
    (found,) = _tuned(tried, tmp_path)
    assert found.config["agent_options"]["item_units"] == 2


def _tuned(tried: Any, path: Path) -> Any:
    run = ray.tune.RunConfig(stop={"training_iteration": 2}, storage_path=str(path), verbose=0)
    found = ray.tune.Tuner(tried.algo_class, param_space=tried, run_config=run).fit()
    assert not found.errors
    return found
