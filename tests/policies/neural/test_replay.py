from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from policies.base import PolicyError
from policies.neural.logged import LoggedStep
from policies.neural.replay import Replay
from policies.neural.sessions import LoggedTrajectory
from policies.trajectories import Trajectory

ROOM = 2**20


def step(number: int) -> LoggedStep:
    """Told apart by its context; 5 candidates, of which the last and the first are shown."""
    return LoggedStep(
        context=np.array([number, 1], dtype=np.float32),
        candidates=np.arange(number, number + 10, dtype=np.float32).reshape(5, 2),
        items=np.array([4, 0], dtype=np.uint16),
        logged=np.array([-1.0, -2.0], dtype=np.float32),
        rewards=np.array([0.5, 0.0], dtype=np.float32),
        clicks=np.array([True, False]),
        allowed=np.tri(2, 5, dtype=np.bool_),
    )


def session(*numbers: int, following: int | None = None) -> LoggedTrajectory:
    return Trajectory("name", tuple(map(step, numbers)), None if following is None else step(following))


def numbers_of(sessions: list[LoggedTrajectory]) -> list[list[int]]:
    return [[int(one.context[0]) for one in each.steps] for each in sessions]


def all_of(replay: Replay, seed: int = 0) -> list[list[int]]:
    return sorted(numbers_of(replay.draw(10**6, np.random.default_rng(seed))))


def test_of_a_step_all_is_kept_that_was_shown() -> None:
    replay = Replay(most_steps=10, most_bytes=ROOM)
    replay.add([session(7, following=8)])
    (found,) = replay.draw(1, np.random.default_rng(0))
    assert found.following is not None
    for given, kept in ((step(7), found.steps[0]), (step(8), found.following)):
        assert np.array_equal(kept.shown, given.shown)
        for name in ("context", "rewards", "clicks", "logged"):
            assert np.array_equal(getattr(kept, name), getattr(given, name))
        assert len(kept.candidates) == 2


def test_the_oldest_go_first() -> None:
    replay = Replay(most_steps=5, most_bytes=ROOM)
    replay.add([session(1, 2), session(3), session(4, 5)])
    assert (all_of(replay), replay.n_steps) == ([[1, 2], [3], [4, 5]], 5)
    replay.add([session(6)])
    assert (all_of(replay), replay.n_steps) == ([[3], [4, 5], [6]], 4)
    replay.add([session(*range(10, 16))])
    assert (all_of(replay), replay.n_steps, replay.n_bytes) == ([], 0, 0)


def test_bytes_are_bounded_and_are_those_of_the_state() -> None:
    replay = Replay(most_steps=10**6, most_bytes=4_000)
    for at in range(0, 600, 3):
        replay.add([session(at, at + 1, at + 2)])
        assert replay.n_bytes <= 4_000
    assert replay.n_steps > 20
    assert replay.n_bytes < len(replay.to_bytes()) < 2 * replay.n_bytes
    assert all_of(replay)[-1] == [597, 598, 599]


def test_every_session_is_as_likely_and_none_comes_twice_in_a_draw() -> None:
    """2,000 draws of two sessions of ten: each 400 times, four standard deviations are 4 √(2000 · 0.2 · 0.8) = 72."""
    replay, dice = Replay(most_steps=100, most_bytes=ROOM), np.random.default_rng(3)
    replay.add([session(at, at + 100) for at in range(10)])
    counts = Counter[int]()
    for _ in range(2000):
        first, second = (each[0] for each in numbers_of(replay.draw(3, dice)))
        assert first != second
        counts.update((first, second))
    assert all(abs(counts[at] - 400) < 72 for at in range(10))


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    replay = Replay(most_steps=0, most_bytes=ROOM)
    replay.add([session(1)])
    assert (replay.draw(5, np.random.default_rng(0)), replay.to_bytes()) == ([], b"")


def test_going_on_from_bytes_changes_nothing() -> None:
    whole = Replay(most_steps=20, most_bytes=ROOM)
    for at in range(40):
        again = Replay(most_steps=20, most_bytes=ROOM)
        again.restore(whole.to_bytes())
        for one in (whole, again):
            one.add([session(at, at + 1, following=at + 2)])
        assert again.to_bytes() == whole.to_bytes()
        assert again.n_bytes == whole.n_bytes
        dice = [np.random.default_rng(at) for _ in range(2)]
        assert numbers_of(again.draw(6, dice[0])) == numbers_of(whole.draw(6, dice[1]))


def test_options_with_less_room_keep_the_newest() -> None:
    whole, small = Replay(most_steps=20, most_bytes=ROOM), Replay(most_steps=2, most_bytes=ROOM)
    whole.add([session(1), session(2), session(3)])
    small.restore(whole.to_bytes())
    assert all_of(small) == [[2], [3]]


@pytest.mark.parametrize("data", [b"\xc1", b"\x92\x90\xc4\x00", b"\x93"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="are no"):
        Replay(most_steps=9, most_bytes=ROOM).restore(data)
