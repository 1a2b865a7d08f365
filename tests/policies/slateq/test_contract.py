"""The learner's contract, with blocks so small that many are learned."""

from __future__ import annotations

from typing import Any

import pytest

from policies.base import Learner
from policies.slateq.learner import SlateQLearner
from policies.slateq.options import parse
from policies.slateq.policy import SlateQPolicy
from tests.contracts.policy_contract import LearnerContract, Resume, Serve
from tests.policies.offers import lessons

REWARDS = (0.0, 1.0)
SMALL = parse({"fit_on": 10, "block": 16, "block_minibatch": 8, "hidden": (8,), "item_units": 2})


class TestLearner(LearnerContract):
    @pytest.fixture
    def learner(self) -> Learner:
        return SlateQLearner.fresh(SMALL, reward_range=REWARDS, seed=11)

    @pytest.fixture
    def resume(self) -> Resume:
        return lambda state: SlateQLearner(SMALL, state, reward_range=REWARDS)

    @pytest.fixture
    def serve(self) -> Serve:
        return lambda blob: SlateQPolicy(SMALL, blob)


def test_the_small_blocks_were_learned() -> None:
    """Else the contract would say little about learning."""
    learner: Any = SlateQLearner.fresh(SMALL, reward_range=REWARDS, seed=3)
    learner.learn(lessons(60))
    assert learner._n_blocks == 3
