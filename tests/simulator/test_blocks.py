from __future__ import annotations

import math

import pytest

from simulator.blocks import N_BINS, Moment, Tracker, bin_of, label_of


def moment(
    arm: str, user: str, reward: float, *, ended: bool = False, propensities: tuple[float, ...] = (0.5, 1.0)
) -> Moment:
    return Moment(arm, user, ("sport", "music"), propensities, reward, 2 * reward, ended, 0.25, 0.5)


def test_sums_are_kept_by_block_and_arm() -> None:
    tracker = Tracker(2)
    for one in (moment("learned", "a", 1.0), moment("popularity", "b", 2.0), moment("learned", "a", 4.0)):
        tracker.add(one)
    blocks = tracker.blocks()
    assert [(one.block, one.arm) for one in blocks] == [(0, "learned"), (0, "popularity"), (1, "learned")]
    assert [(one.n_slates, one.reward_sum, one.kpi_sum) for one in blocks] == [
        (1, 1.0, 2.0),
        (1, 2.0, 4.0),
        (1, 4.0, 8.0),
    ]
    assert [(one.first_request, one.last_request, one.n_requests) for one in blocks] == [
        (0, 1, 2),
        (0, 1, 2),
        (2, 2, 1),
    ]
    assert blocks[0].shown == {"sport": 1, "music": 1}
    assert (blocks[0].n_slots, blocks[0].decide_s, blocks[0].learn_s) == (2, 0.25, 0.5)


def test_an_episode_counts_whole_in_the_block_in_which_it_ends() -> None:
    tracker = Tracker(1)
    for one in (moment("learned", "a", 1.0), moment("learned", "b", 5.0), moment("learned", "a", 2.0, ended=True)):
        tracker.add(one)
    assert [(one.n_episodes, one.ended_reward_sum, one.ended_kpi_sum) for one in tracker.blocks()] == [
        (0, 0.0, 0.0),
        (0, 0.0, 0.0),
        (1, 3.0, 6.0),
    ]


def test_a_name_used_again_begins_a_new_episode() -> None:
    tracker = Tracker(10)
    for reward in (1.0, 2.0):
        tracker.add(moment("learned", "a", reward, ended=True))
    block = tracker.blocks()[0]
    assert (block.n_episodes, block.ended_reward_sum) == (2, 3.0)


def test_the_mean_propensity_is_over_slots() -> None:
    tracker = Tracker(10)
    tracker.add(moment("learned", "a", 0.0, propensities=(0.5, 1.0)))
    tracker.add(moment("learned", "a", 0.0, propensities=(0.25, 0.25)))
    block = tracker.blocks()[0]
    assert block.mean_propensity == pytest.approx(0.5)
    assert sum(block.propensity_counts) == 4
    tracker = Tracker(10)
    tracker.add(moment("learned", "a", 0.0, propensities=()))
    assert math.isnan(tracker.blocks()[0].mean_propensity)


@pytest.mark.parametrize(
    ("propensity", "expected"), [(1e-9, 0), (0.05, 0), (0.0501, 1), (0.1, 1), (0.15, 2), (1.0, N_BINS - 1)]
)
def test_a_bin_holds_its_upper_end(propensity: float, expected: int) -> None:
    assert bin_of(propensity) == expected


def test_every_twentieth_is_in_the_bin_below_it() -> None:
    assert [bin_of(k / N_BINS) for k in range(1, N_BINS + 1)] == list(range(N_BINS))


def test_the_label_is_the_kind_of_item() -> None:
    assert label_of("a1", {"age_h": 2.0, "topic": "sport", "form": "essay"}) == "sport"
    assert label_of("a1", {"genre": ["drama", "crime"]}) == "drama"
    assert label_of("a1", {"genre": []}) == "none"
    assert label_of("a1", {"cluster": 3}) == "3"
    assert label_of("a1", {"price": 2.0, "form": "essay"}) == "essay"
    assert label_of("a1", {"price": 2.0}) == "a1"
