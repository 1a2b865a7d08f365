from __future__ import annotations

import itertools

from envs.presets import make_world
from simulator.cells import parse_policy
from simulator.costs import N_SLOTS, Cost, cost_of, lessons, lessons_of, median_of_fastest

FEW, MANY = lessons(10, 30), lessons(20, 12)


def test_lessons_are_uniform_slates_with_what_is_known_of_items() -> None:
    assert [len(one.actions) for one in FEW] == [10] * 30
    assert {len(one.rewards) for one in FEW} == {N_SLOTS}
    assert lessons(10, 30, seed=1) != FEW
    assert [one.slate.chosen for one in FEW] == [one.slate.chosen for one in lessons(10, 30)]


def test_costs_are_differences_of_the_clock_in_their_units() -> None:
    """A clock that moves a microsecond a look: whatever is timed once takes one, and publishing one too."""
    ticks = itertools.count()
    for name in ("vw", "linear", "popularity"):
        found = cost_of(parse_policy(name), FEW, MANY, clock=lambda: next(ticks) * 1e-6)
        assert found.policy == name
        rounded = [round(value, 6) for value in (found.decide_us, found.decide_many_us, found.lesson_us)]
        assert rounded == [1.0, 1.0, 1.0]
        assert round(found.publish_ms, 9) == 0.001
        assert (found.snapshot_kb > 0.0) == (name != "popularity")


def test_medians_not_means() -> None:
    """One look of many lasts a second; no median shows it."""
    looks = itertools.count()
    found = cost_of(parse_policy("uniform"), FEW, MANY, clock=lambda: float(next(looks) // 40))
    assert isinstance(found, Cost)
    assert (found.decide_us, found.lesson_us) == (0.0, 0.0)


def test_the_fastest_try_of_each_counts_then_the_median() -> None:
    assert median_of_fastest([[5.0, 1.0, 3.0], [1.0, 9.0, 3.0]]) == 1.0
    assert median_of_fastest([[4.0, 5.0, 6.0], [9.0, 9.0, 9.0]]) == 5.0


def test_lessons_may_be_of_any_world() -> None:
    found = lessons_of(make_world("interest-evolution"), 20)
    assert [(len(one.actions), len(one.rewards)) for one in found] == [(10, 2)] * 20
    assert found != lessons_of(make_world("interest-evolution"), 20, seed=1)
