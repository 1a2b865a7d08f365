"""Every policy of the registry, with every explorer, held to the contract."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from policies import linear_options, registry, vw_options
from policies.base import Learner, Policy
from tests.contracts.policy_contract import LearnerContract, PolicyContract, Resume, Serve
from tests.policies.offers import lessons

REWARDS = (0.0, 1.0)
CASES: list[tuple[str, dict[str, Any]]] = [
    *((kind, {}) for kind in registry.kinds()),
    *(("vw", {"explorer": explorer}) for explorer in vw_options.EXPLORERS),
    *(("linear", {"explorer": explorer}) for explorer in linear_options.EXPLORERS),
    *(("linear", {"model": model}) for model in linear_options.MODELS[1:]),
    ("linear", {"forgetting": 0.99}),
]


def name(case: tuple[str, dict[str, Any]]) -> str:
    """How a test names its case."""
    return "-".join([case[0], *map(str, case[1].values())])


@pytest.fixture(params=CASES, ids=name)
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """A kind and its options."""
    found: tuple[str, dict[str, Any]] = request.param
    return found


def snapshot(kind: str, options: dict[str, Any]) -> bytes:
    """What serving needs after some lessons."""
    return _snapshot(kind, tuple(options.items()))


@cache
def _snapshot(kind: str, options: tuple[tuple[str, Any], ...]) -> bytes:
    """Learned once for all tests."""
    learner = registry.make_learner(kind, dict(options), reward_range=REWARDS, seed=3)
    learner.learn(lessons(300))
    return learner.snapshot()


class TestPolicies(PolicyContract):
    @pytest.fixture
    def policy(self, case: tuple[str, dict[str, Any]]) -> Policy:
        kind, options = case
        return registry.make_policy(kind, options, snapshot(kind, options), reward_range=REWARDS)


class TestLearners(LearnerContract):
    @pytest.fixture
    def options(self, case: tuple[str, dict[str, Any]]) -> dict[str, Any]:
        kind, options = case
        return options | {"settle_every": 16} if kind == "vw" else options

    @pytest.fixture
    def learner(self, case: tuple[str, dict[str, Any]], options: dict[str, Any]) -> Learner:
        return registry.make_learner(case[0], options, reward_range=REWARDS, seed=11)

    @pytest.fixture
    def resume(self, case: tuple[str, dict[str, Any]], options: dict[str, Any]) -> Resume:
        return lambda state: registry.resume_learner(case[0], options, state, reward_range=REWARDS)

    @pytest.fixture
    def serve(self, case: tuple[str, dict[str, Any]], options: dict[str, Any]) -> Serve:
        return lambda blob: registry.make_policy(case[0], options, blob, reward_range=REWARDS)
