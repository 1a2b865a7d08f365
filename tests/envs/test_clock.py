import pytest

from envs.clock import Clock
from envs.world import WorldError


def test_a_step_is_an_equal_part_of_a_day() -> None:
    clock = Clock(48)
    assert (clock.now_h, clock.hour, clock.day) == (0.0, 0, 0)
    assert [clock.advance() for _ in range(3)] == [0.5, 0.5, 0.5]
    assert (clock.now_h, clock.hour, clock.day) == (1.5, 1, 0)


def test_a_day_has_as_many_steps_as_it_was_told_without_rounding_away() -> None:
    clock = Clock(3000)
    for _ in range(29_999):
        clock.advance()
    assert (clock.hour, clock.day) == (23, 9)
    clock.advance()
    assert (clock.now_h, clock.hour, clock.day) == (240.0, 0, 10)


def test_restart_is_midnight_of_the_first_day() -> None:
    clock = Clock(2)
    clock.advance()
    clock.restart()
    assert clock.now_h == 0.0


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan")])
def test_a_pace_that_cannot_be_is_refused(bad: float) -> None:
    with pytest.raises(WorldError, match="requests_per_day="):
        Clock(bad)
