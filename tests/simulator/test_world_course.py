from __future__ import annotations

from itertools import islice
from typing import get_args

import pytest

from simulator.world_course import WorldName, course


@pytest.mark.parametrize("preset", get_args(WorldName))
def test_a_world_becomes_a_run_with_its_loop_and_kpi(preset: WorldName) -> None:
    found = course(preset, "demo", seed=3)
    assert found.kpi is not None
    assert found.kpi.feedback in found.settings.reward.recipe
    assert set(found.controls) | {"learned"} == set(found.settings.variants)
    (ask,) = islice(found.users.asks(), 1)
    assert len(ask.actions) > found.route.slots


def test_the_seed_makes_the_users() -> None:
    asks = [next(iter(course("news", "demo", seed=seed).users.asks())) for seed in (1, 1, 2)]
    assert asks[0] == asks[1]
    assert asks[0] != asks[2]
