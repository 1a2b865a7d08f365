from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from simulator.bakeoff import Results, default, mean_share, standings
from simulator.comparison import UNKNOWN
from simulator.costs import Cost
from simulator.experiments import Experiment
from simulator.records import CellRecord
from tests.simulator.baked import POLICIES, cost, finished, stage

LINEAR, VW, POPULARITY = POLICIES
COSTS = {one: cost(one) for one in POLICIES}
NEWS, SHOP = stage("news"), stage("shop", n_requests=800)
DONE = finished(
    [NEWS, SHOP],
    [
        {LINEAR: (0.4, 0.4), VW: (0.2, 0.3), POPULARITY: (0.1, 0.1)},
        {LINEAR: (0.3, 0.3), VW: (0.4, 0.4), POPULARITY: (0.2, 0.2)},
    ],
)
RESULTS = [Results(NEWS, DONE), Results(SHOP, DONE)]


def winners(results: list[Results], costs: Mapping[str, Cost] = COSTS) -> list[str]:
    ranked = standings(NEWS.policies, results, costs, limit_us=1000.0)
    return [one.policy.name for one in default(ranked, results)]


def test_shares_are_of_the_best_of_the_set() -> None:
    found = {score.policy: score for score in RESULTS[0].scores()}
    assert RESULTS[0].best == LINEAR
    assert [found[name].share.value for name in POLICIES] == pytest.approx([1.0, 0.625, 0.25])
    assert found[VW].reward.value == pytest.approx(0.25)
    assert found[LINEAR].share.half == pytest.approx(0.0, abs=1e-12)


def test_the_interval_of_a_share_by_hand() -> None:
    """Residuals 0.2 - 0.25 and 0.3 - 0.25 over 0.4: sd 0.1768, over √2 0.125, times t(1 df) 12.706."""
    share = RESULTS[0].share(VW)
    assert share.half == pytest.approx(12.706 * 0.125, rel=1e-3)


def test_the_mean_share_is_over_sets_and_its_interval_over_seeds() -> None:
    """VW: 0.625 and 1; its residuals by seed, ∓ 0.125 in one set and 0 in the other, average to ∓ 0.0625."""
    found = mean_share(VW, RESULTS)
    assert found.value == pytest.approx((0.625 + 1.0) / 2)
    assert found.half == pytest.approx(12.706 * 0.0625, rel=1e-3)
    assert mean_share(LINEAR, RESULTS).value == pytest.approx((1.0 + 0.75) / 2)


def test_the_default_has_the_best_mean_share() -> None:
    found = standings(NEWS.policies, RESULTS, COSTS, limit_us=1000.0)
    assert [one.policy.name for one in found] == [LINEAR, VW, POPULARITY]
    assert winners(RESULTS) == [LINEAR]


def test_of_those_that_are_tied_the_cheapest_wins() -> None:
    """VW is 0.4 points behind in news and level in shop: 0.2 on average, and by seed once ahead."""
    done = finished(
        [NEWS, SHOP],
        [
            {LINEAR: (0.5, 0.5), VW: (0.494, 0.502), POPULARITY: (0.1, 0.1)},
            {LINEAR: (0.3, 0.3), VW: (0.3, 0.3), POPULARITY: (0.1, 0.1)},
        ],
    )
    results = [Results(NEWS, done), Results(SHOP, done)]
    assert winners(results, {**COSTS, VW: cost(VW, 90.0)}) == [VW, LINEAR]
    assert winners(results, {**COSTS, LINEAR: cost(LINEAR, 90.0)}) == [LINEAR, VW]


@pytest.mark.parametrize(
    "behind", [(0.4975, 0.4975), (0.480, 0.504)], ids=["close, but surely behind", "not surely, but far behind"]
)
def test_who_is_surely_or_far_behind_is_not_tied(behind: tuple[float, float]) -> None:
    done = finished([NEWS], [{LINEAR: (0.5, 0.5), VW: behind, POPULARITY: (0.1, 0.1)}])
    assert winners([Results(NEWS, done)], {**COSTS, VW: cost(VW, 1.0, 1.0)}) == [LINEAR]


@pytest.mark.parametrize(("decide_us", "lesson_us"), [(1001.0, 1.0), (1.0, 1001.0)])
def test_who_costs_too_much_is_not_the_default(decide_us: float, lesson_us: float) -> None:
    dear = {**COSTS, LINEAR: cost(LINEAR, decide_us, lesson_us)}
    assert winners(RESULTS, dear) == [VW]


def test_without_costs_nobody_is_the_default() -> None:
    assert winners(RESULTS, {}) == []


def test_a_policy_that_learns_nothing_is_never_the_default() -> None:
    done = finished([NEWS], [{LINEAR: (0.1, 0.1), VW: (0.2, 0.2), POPULARITY: (0.4, 0.4)}])
    found = standings(NEWS.policies, [Results(NEWS, done)], COSTS, limit_us=1000.0)
    assert found[0].policy.name == POPULARITY
    assert winners([Results(NEWS, done)]) == [VW]


def test_who_lacks_a_seed_has_no_share_and_is_not_the_default() -> None:
    done = finished([NEWS], [{LINEAR: (0.9,), VW: (0.2, 0.2), POPULARITY: (0.1, 0.1)}])
    results = Results(NEWS, done)
    assert results.best == VW
    assert results.share(LINEAR) == UNKNOWN
    assert winners([results]) == [VW]


def test_a_set_where_nobody_earns_says_nothing() -> None:
    nothing = finished([NEWS], [{name: (0.0, 0.0) for name in POLICIES}])
    empty = Results(NEWS, nothing)
    assert empty.best is None
    assert math.isnan(empty.share(LINEAR).value)
    assert mean_share(VW, [empty, *RESULTS]) == mean_share(VW, RESULTS)
    assert mean_share(VW, [empty]) == UNKNOWN


def test_the_informed_chooser_is_paired_with_the_best_by_seed() -> None:
    """0.6 a slate in both seeds, over 0.4 of the best."""
    informed = RESULTS[0].informed()
    assert informed.reward.value == pytest.approx(0.6)
    assert informed.share.value == pytest.approx(1.5)
    bare = Experiment({key: one for key, one in DONE.records.items() if isinstance(one, CellRecord)})
    assert math.isnan(Results(NEWS, bare).informed().share.value)


def test_one_seed_has_no_interval() -> None:
    alone = stage(n_seeds=1)
    results = [Results(alone, finished([alone], [{LINEAR: (0.4,), VW: (0.2,), POPULARITY: (0.1,)}]))]
    assert mean_share(VW, results).value == pytest.approx(0.5)
    assert math.isnan(mean_share(VW, results).half)
