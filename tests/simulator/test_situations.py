from __future__ import annotations

import dataclasses

from simulator.bakeoff import Results, standings
from simulator.situations import MOST_REQUESTS, MOST_SEEDS, cheapest, stages, verdicts
from tests.simulator.baked import POLICIES, cost, finished, stage

LINEAR, VW, POPULARITY = POLICIES
COSTS = {LINEAR: cost(LINEAR, 300.0), VW: cost(VW, 80.0), POPULARITY: cost(POPULARITY, 10.0)}


def test_the_pick_is_the_cheapest_of_those_that_are_as_good() -> None:
    alike, apart = stage("alike"), stage("apart", n_requests=800)
    done = finished(
        [alike, apart],
        [
            {LINEAR: (0.4, 0.4), VW: (0.395, 0.395), POPULARITY: (0.4, 0.4)},
            {LINEAR: (0.4, 0.4), VW: (0.39, 0.39), POPULARITY: (0.1, 0.1)},
        ],
    )
    first, second = verdicts({"few": alike, "fast": apart}, done, COSTS)
    assert (first.situation, first.set_name, first.pick, first.decide_us) == ("few", "alike", VW, 80.0)
    assert (second.pick, second.decide_us) == (LINEAR, 300.0)
    assert [score.policy for score in second.scores] == [LINEAR, VW, POPULARITY]


def test_with_many_candidates_the_cost_is_that_of_many() -> None:
    one = stage()
    many = dataclasses.replace(one, setting=dataclasses.replace(one.setting, n_candidates=100))
    done = finished([many], [{LINEAR: (0.4, 0.4), VW: (0.1, 0.1), POPULARITY: (0.1, 0.1)}])
    (found,) = verdicts({"many": many}, done, COSTS)
    assert (found.pick, found.decide_us) == (LINEAR, 1200.0)


def test_where_only_popularity_is_good_there_is_no_pick() -> None:
    one = stage()
    done = finished([one], [{LINEAR: (0.1, 0.1), VW: (0.1, 0.1), POPULARITY: (0.4, 0.4)}])
    (found,) = verdicts({"odd": one}, done, COSTS)
    assert (found.pick, found.decide_us) == (None, None)


def test_what_is_not_finished_says_nothing() -> None:
    assert verdicts({"few": stage()}, finished([], []), COSTS) == []


def test_situations_differ_in_one_thing_each() -> None:
    found = stages(stage().policies, n_requests=9000, n_seeds=9)
    assert len({one.setting.title for one in found.values()}) == len(found) == 5
    assert {one.n_seeds for one in found.values()} == {MOST_SEEDS}
    assert max(one.n_requests for one in found.values()) == MOST_REQUESTS


def test_the_cheapest_that_learns() -> None:
    one = stage()
    done = finished([one], [{name: (0.1, 0.1) for name in POLICIES}])
    found = cheapest(standings(one.policies, [Results(one, done)], COSTS, limit_us=1.0))
    assert found is not None
    assert found.policy.name == VW


def test_seeds_that_disagree_leave_the_pick_uncertain() -> None:
    one = stage()
    done = finished([one], [{LINEAR: (0.4, 0.4), VW: (0.1, 0.5), POPULARITY: (0.1, 0.1)}])
    (found,) = verdicts({"few": one}, done, COSTS)
    assert (found.pick, found.is_certain) == (LINEAR, False)
    done = finished([one], [{LINEAR: (0.4, 0.4), VW: (0.2, 0.2), POPULARITY: (0.1, 0.5)}])
    (found,) = verdicts({"few": one}, done, COSTS)
    assert (found.pick, found.is_certain) == (LINEAR, True)
