"""What waits: blocks in their order, within bounds of bytes, the same from any state."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from policies.backlog import Backlog
from policies.base import PolicyError
from policies.neural.logged import LoggedStep
from policies.neural.waiting import FIRST_BLOCK, LATE_BLOCKS, LATE_S, VERY_LATE_S, Block, Waiting

GAP_S = 60.0
N_ACTION = 50


def step(number: int, *, n_candidates: int = 2, same: bool = True) -> LoggedStep:
    """Recognised by its reward; of the same candidates as all others, or of its own."""
    candidates = np.ones((n_candidates, N_ACTION), dtype=np.float32)
    candidates[:, 1] = np.arange(n_candidates) + (0 if same else 1000 * number)
    return LoggedStep(
        context=np.ones(3, dtype=np.float32),
        candidates=candidates,
        items=np.array([number % n_candidates], dtype=np.uint16),
        logged=np.zeros(1, dtype=np.float32),
        rewards=np.array([number], dtype=np.float32),
        clicks=np.array([number > 0]),
        allowed=np.ones((1, n_candidates), dtype=np.bool_),
    )


def waiting(*, block: int = 4, most_steps: int = 9, most_bytes: int = 2**20) -> Waiting:
    return Waiting(block=block, gap_s=GAP_S, most_steps=most_steps, most_bytes=most_bytes)


def numbers(block: Block) -> list[list[float]]:
    return [[float(one.rewards[0]) for one in trajectory.steps] for trajectory in block]


def test_finished_trajectories_fill_a_block_in_the_order_they_are_over() -> None:
    made = waiting()
    for number, name in enumerate("abab"):
        assert made.take(step(number), name, number) == []
    assert made.end("b", 5) == []
    (block,) = made.end("a", 6)
    assert numbers(block) == [[1, 3], [0, 2]]
    assert [one.ended for one in block] == [True, True]
    assert made.n_bytes == 0


def test_blocks_grow_to_their_size() -> None:
    made, sizes = waiting(block=2 * FIRST_BLOCK + 1), list[int]()
    for number in range(6 * FIRST_BLOCK):
        sizes += [len(block) for block in made.take(step(number), "", number)]
    assert sizes == [FIRST_BLOCK, 2 * FIRST_BLOCK, 2 * FIRST_BLOCK + 1]


def test_a_cut_trajectory_knows_what_follows_and_that_waits_on() -> None:
    made, found = waiting(block=2, most_steps=2), list[Block]()
    for number in range(5):
        found += made.take(step(number), "a", number)
    assert [numbers(block) for block in found] == [[[0, 1]], [[2, 3]]]
    following = [block[0].following for block in found]
    assert [None if one is None else one.rewards.tolist() for one in following] == [[2], [4]]
    (last,) = [*made.end("a", 9), *made.take(step(5), "", 10)]
    assert numbers(last) == [[4], [5]]
    assert made.n_bytes == 0
    assert list(made.troubles().values()) == [2]


@pytest.mark.parametrize("same", [True, False])
def test_whatever_comes_no_more_bytes_wait_than_may(same: bool) -> None:
    """Sessions that nobody ends: some 10,000 bytes of one vector for all, or of two for each step."""
    made, dice = waiting(block=10**6, most_bytes=10_000), random.Random(1)
    seen, sizes = list[float](), list[int]()
    for number in range(2000):
        for block in made.take(step(number, same=same), f"session:{dice.randrange(10**9)}", number):
            assert all(one.ended for one in block)
            seen += [value for told in numbers(block) for value in told]
            sizes.append(len(block))
        assert made.n_bytes <= 10_000
        assert len(made.to_bytes()) < 11_000
    assert seen == list(map(float, range(len(seen))))
    assert len(seen) > 1800
    assert min(sizes) > (20 if same else 4)
    assert "idle for longest" in next(iter(made.troubles()))


def test_a_single_step_may_be_too_much() -> None:
    made = waiting(most_bytes=1024)
    (block,) = made.take(step(1, n_candidates=90), "a", 0)
    assert (numbers(block), made.n_bytes) == ([[1]], 0)


def test_candidates_side_by_side_are_bounded_too() -> None:
    """30 × 50 × 4 bytes a step; the vectors are the same, so that little waits."""
    made, sizes = waiting(block=10**6, most_bytes=60_000), list[int]()
    for number in range(50):
        sizes += [len(block) for block in made.take(step(number, n_candidates=30), "", number)]
    assert sizes == [10] * 5


def test_one_step_with_many_candidates_fills_up_no_long_block() -> None:
    """40 narrow steps are learned before the wide one comes among them; with it, 60,000 // 6,000."""
    made, sizes = waiting(block=10**6, most_bytes=60_000), list[int]()
    for number in range(60):
        n_candidates = 30 if number == 40 else 2
        sizes += [len(block) for block in made.take(step(number, n_candidates=n_candidates), "", number)]
    assert sizes == [40, 10]


@pytest.mark.parametrize("most_bytes", [1_500, 3_000, 2**20])
def test_saved_and_restored_anywhere_it_goes_on_the_same(most_bytes: int) -> None:
    dice, now = random.Random(most_bytes), 0
    whole, parts = (waiting(block=7, most_steps=3, most_bytes=most_bytes) for _ in range(2))
    for number in range(400):
        now += dice.choice([0, 100, 100, round(1100 * GAP_S)])
        name, what = dice.choice(["", "a", "b", "c"]), dice.random()
        if dice.random() < 0.3:
            saved, parts = parts.to_bytes(), waiting(block=7, most_steps=3, most_bytes=most_bytes)
            parts.restore(saved)
        made = replace(step(number, same=False), clicks=np.array([what < 0.5]))
        blocks = [one.end(name, now) if what < 0.2 else one.take(made, name, now) for one in (whole, parts)]
        assert list(map(numbers, blocks[0])) == list(map(numbers, blocks[1]))
        assert (parts.to_bytes(), parts.n_bytes) == (whole.to_bytes(), whole.n_bytes)
    assert parts.troubles() == whole.troubles() != {}


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x94\xa0\x90\xa0\x00"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError):
        waiting().restore(data)


LATE = "block: steps wait, and for long no block of finished ones was full"


def test_what_waits_is_told_by_number() -> None:
    made = waiting(block=4)
    for number, name in enumerate("aabc"):
        made.take(step(number), name, 1000 * number)
    made.end("a", 9_000)
    expected = {"n_sessions": 2, "n_open": 2, "n_finished": 2, "n_block": 4, "n_blocks": 0, "n_since": 4}
    assert made.backlog() == Backlog(**expected, since_s=9.0, gap_s=GAP_S)
    restored = waiting(block=4)
    restored.restore(made.to_bytes())
    assert restored.backlog() == made.backlog()
    assert len([*made.end("b", 10_000), *made.take(step(4), "", 20_000)]) == 1
    assert made.backlog() == Backlog(n_sessions=1, n_open=1, n_block=4, n_blocks=1, gap_s=GAP_S)
    made.take(step(5), "c", 30_000)
    made.take(step(6), "c", 30_500)
    assert (made.backlog().n_since, made.backlog().since_s) == (2, 0.5)


def test_blocks_that_grow_are_told_as_large_as_the_next_one_is() -> None:
    made = waiting(block=3 * FIRST_BLOCK)
    sizes = [made.backlog().n_block]
    for number in range(6 * FIRST_BLOCK):
        sizes += [made.backlog().n_block for _ in made.take(step(number), "", number)]
    assert sizes == [FIRST_BLOCK, 2 * FIRST_BLOCK, 3 * FIRST_BLOCK, 3 * FIRST_BLOCK]


def open_for(n_steps: int, seconds: float, *, block: int = 4) -> Waiting:
    """So many steps of one session, over so much stream time, and no end."""
    made = Waiting(block=block, gap_s=1e6, most_steps=1000, most_bytes=2**20)
    for number in range(n_steps):
        made.take(step(number), "a", round(1000 * seconds * number / (n_steps - 1)))
    return made


def test_steps_that_wait_are_a_trouble_only_where_enough_came_and_nothing_was_learned_for_long() -> None:
    enough = LATE_BLOCKS * 4
    assert open_for(enough, LATE_S).troubles() == {}
    assert open_for(enough - 1, LATE_S + 1.0).troubles() == {}
    assert open_for(enough, LATE_S + 1.0).troubles() == {LATE: enough}
    assert open_for(2, VERY_LATE_S).troubles() == {}
    assert open_for(2, VERY_LATE_S + 1.0).troubles() == {LATE: 2}


def test_a_block_ends_the_trouble() -> None:
    made = open_for(9, LATE_S + 1.0)
    assert list(made.troubles()) == [LATE]
    made.end("a", 5_000_000)
    assert made.troubles() == {}
