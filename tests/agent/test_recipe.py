from __future__ import annotations

import math

import pytest

from agent.loops import RewardSettings
from agent.recipe import RewardRecipe


def recipe(**settings: object) -> RewardRecipe:
    return RewardRecipe(RewardSettings.model_validate(settings))


def test_a_bare_reward_has_weight_one() -> None:
    assert recipe().part("reward", 0.3) == 0.3
    assert not recipe().knows("click")


def test_the_bare_reward_can_be_reweighted() -> None:
    assert recipe(recipe={"reward": {"weight": -2}}).part("reward", 0.25) == -0.5


@pytest.mark.parametrize(
    ("rule", "value", "part"),
    [
        ({"weight": 0.5}, 3.0, 1.5),
        ({"weight": 2.0, "cap": 1.0}, 3.0, 1.0),
        ({"weight": 2.0, "cap": 1.0}, -3.0, -1.0),
        ({"weight": 1e9, "cap": 1.0}, 1e300, 1.0),
        ({"transform": "log1p", "weight": 2.0}, math.e - 1, 2.0),
        ({"transform": "log1p"}, 1 - math.e, -1.0),
        ({"transform": "sqrt", "cap": 3.0}, 16.0, 3.0),
        ({"transform": "sqrt"}, -4.0, -2.0),
        ({"transform": "binary", "weight": 0.5}, 7.0, 0.5),
        ({"transform": "binary"}, 0.0, 0.0),
        ({"transform": "binary"}, -1.0, 0.0),
    ],
)
def test_transform_then_weight_then_cap(rule: dict[str, object], value: float, part: float) -> None:
    assert recipe(recipe={"dwell_s": rule}).part("dwell_s", value) == pytest.approx(part, abs=1e-12)


@pytest.mark.parametrize(
    ("aggregation", "reward"),
    [("earliest", 4.0), ("sum", 14.0), ("mean", 2.8), ("median", 2.0), ("min", 1.0), ("max", 6.0)],
)
def test_aggregation(aggregation: str, reward: float) -> None:
    asked = recipe(aggregation=aggregation, max=100, default=9)
    assert asked.reward([4.0, 1.0, 2.0, 6.0, 1.0]) == reward
    assert asked.reward([]) == 9.0
