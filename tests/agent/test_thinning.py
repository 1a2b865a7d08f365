from __future__ import annotations

from itertools import pairwise

from agent.thinning import KEEP_MS, N_NEWEST, to_drop

DAY_MS = 86_400_000


def test_the_newest_five_stay_however_close() -> None:
    assert to_drop({f"v{i}": i for i in range(N_NEWEST)}, now_ms=10) == []


def test_one_stays_for_each_doubling_of_age_the_oldest() -> None:
    newest = {f"new{i}": 100_000 - i for i in range(5)}
    old = {"age9": 91_000, "age12": 88_000, "age15": 85_000, "age16": 84_000, "age31": 69_000}
    assert to_drop({**newest, **old}, now_ms=100_000) == ["age9", "age12", "age16"]


def test_beyond_a_month_only_what_must_stay() -> None:
    ages = {**{f"new{i}": KEEP_MS + 10 for i in range(5)}, "served": 1, "old": 1, "just": 10}
    assert to_drop(ages, now_ms=KEEP_MS + 10, never={"served"}) == ["old"]


def test_publishing_for_weeks_leaves_about_one_for_each_doubling() -> None:
    """45 days, each hour: ages of 1 h to 30 days span ten doublings; a neighbour is at most two doublings away."""
    kept: dict[str, int] = {}
    for hour in range(45 * 24):
        kept[f"v{hour:05}"] = hour * DAY_MS // 24
        for version in to_drop(kept, now_ms=hour * DAY_MS // 24):
            del kept[version]
    ages_h = sorted(45 * 24 - 1 - at * 24 // DAY_MS for at in kept.values())
    assert ages_h[:5] == [0, 1, 2, 3, 4]
    assert 5 + 5 <= len(ages_h) <= 5 + 11
    assert all(later <= 4 * max(earlier, 1) for earlier, later in pairwise(ages_h))
