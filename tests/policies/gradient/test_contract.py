"""The contracts, with blocks so small that many are learned."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from policies.base import Learner, Policy
from policies.gradient.learner import GradientLearner
from policies.gradient.options import parse
from policies.gradient.policy import GradientPolicy
from tests.contracts.policy_contract import LearnerContract, PolicyContract, Resume, Serve
from tests.policies.offers import lessons

REWARDS = (0.0, 1.0)
SMALL = parse({"fit_on": 10, "block": 16, "block_minibatch": 8, "hidden": (8,)})
CASES = {
    "small": SMALL,
    "slate": parse({"fit_on": 10, "block": 16, "block_credit": "slate", "hidden": (), "item_units": 4}),
    "defaults": parse({}),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@cache
def snapshot(case: str) -> bytes:
    learner = GradientLearner.fresh(CASES[case], reward_range=REWARDS, seed=3)
    learner.learn(lessons(300))
    return learner.snapshot()


class TestPolicy(PolicyContract):
    @pytest.fixture
    def policy(self, case: str) -> Policy:
        return GradientPolicy(CASES[case], snapshot(case))


class TestLearner(LearnerContract):
    @pytest.fixture
    def learner(self, case: str) -> Learner:
        return GradientLearner.fresh(CASES[case], reward_range=REWARDS, seed=11)

    @pytest.fixture
    def resume(self, case: str) -> Resume:
        return lambda state: GradientLearner(CASES[case], state, reward_range=REWARDS)

    @pytest.fixture
    def serve(self, case: str) -> Serve:
        return lambda blob: GradientPolicy(CASES[case], blob)


def test_the_small_blocks_were_learned() -> None:
    """Else the contract would say little about learning."""
    learner: Any = GradientLearner.fresh(SMALL, reward_range=REWARDS, seed=3)
    empty = learner.snapshot()
    learner.learn(lessons(60))
    assert learner._n_blocks == 3
    assert learner.snapshot() != empty
