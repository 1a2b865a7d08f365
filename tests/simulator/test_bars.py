from __future__ import annotations

import dataclasses
import math

import pytest

from simulator.bakeoff import Results
from simulator.bars import BARS, N_SEEDS, Bar, findings
from simulator.cells import parse_policy
from simulator.contenders import short_list
from simulator.stages import Stage
from tests.simulator.baked import finished, stage

NAMES = short_list()
SEEDS = range(N_SEEDS)


def whole(name: str, n_requests: int = 2500) -> Stage:
    policies = tuple(parse_policy(one) for one in NAMES)
    return dataclasses.replace(stage(name, N_SEEDS, n_requests), policies=policies)


def measured(one: Stage, mine: float, best: float = 0.5) -> Results:
    """The second contender is the best one, the first is the default."""
    first, second = [policy.name for policy in one.policies if not policy.is_static][:2]
    rewards = {policy.name: [0.1 for _ in range(one.n_seeds)] for policy in one.policies}
    rewards |= {first: [mine for _ in range(one.n_seeds)], second: [best for _ in range(one.n_seeds)]}
    return Results(one, finished([one], [rewards]))


DEFAULT = next(name for name in NAMES if not parse_policy(name).is_static)


def test_the_bars_are_those_that_were_set() -> None:
    assert {(one.set_name, one.of_best): one.least for one in BARS} == {
        ("digits", False): 0.83,
        ("breast-cancer", False): 0.93,
        ("news", True): 0.98,
        ("shop", True): 0.98,
        ("streaming", True): 0.98,
    }


@pytest.mark.parametrize(("mine", "outcome"), [(0.4901, "passed"), (0.4899, "FAILED")])
def test_a_world_is_judged_by_the_share_of_the_best(mine: float, outcome: str) -> None:
    (found,) = findings(DEFAULT, [measured(whole("news"), mine)])
    assert (found.outcome, found.why) == (outcome, "")
    assert found.reached.value == pytest.approx(mine / 0.5)


@pytest.mark.parametrize(("mine", "outcome"), [(0.831, "passed"), (0.829, "FAILED")])
def test_a_table_is_judged_by_the_reward(mine: float, outcome: str) -> None:
    (found,) = findings(DEFAULT, [measured(whole("digits", 1797), mine, best=0.9)])
    assert found.outcome == outcome
    assert found.reached.value == pytest.approx(mine)


def test_too_little_is_not_judged() -> None:
    few_seeds = dataclasses.replace(whole("news"), n_seeds=2)
    short, cut = whole("shop", 2000), dataclasses.replace(whole("digits", 1000), is_whole=False)
    few = dataclasses.replace(whole("streaming"), policies=whole("streaming").policies[:4])
    found = findings(DEFAULT, [measured(one, 0.5) for one in (cut, few_seeds, short, few)])
    assert {(one.bar.set_name, one.outcome, one.why) for one in found} == {
        ("digits", "not judged", "only 1,000 requests"),
        ("news", "not judged", "2 of 5 seeds"),
        ("shop", "not judged", "only 2,000 requests"),
        ("streaming", "not judged", "not every contender of the short list was measured"),
    }


def test_without_a_default_or_a_finished_set_nothing_is_judged() -> None:
    (found,) = findings(None, [measured(whole("news"), 0.5)])
    assert (found.bar, found.outcome) == (Bar("news", of_best=True, least=0.98, n_requests=2500), "not judged")
    one = whole("news")
    (found,) = findings(DEFAULT, [Results(one, finished([one], [{}]))])
    assert (found.outcome, found.why, math.isnan(found.reached.value)) == ("not judged", "not finished", True)


def test_sets_without_a_bar_have_none() -> None:
    assert findings(DEFAULT, [measured(whole("iris", 150), 0.5)]) == []
