from __future__ import annotations

import pytest

from envs.movielens import Film, Rating, Ten
from simulator.replay import course
from simulator.report import to_json
from simulator.run import Drive, Run, begin, conduct
from tests.simulator.fakes import FakeClock, FakeService

DRAMA, COMEDY = ("Drama",), ("Comedy",)


def ten(user: str, start: int, liked: int) -> Ten:
    """Ten films of which the first ``liked`` are liked; even ids are dramas."""
    films = [Film(str(start + i), DRAMA if i % 2 == 0 else COMEDY, 1994) for i in range(10)]
    return Ten(user, tuple(Rating(user, film, i < liked) for i, film in enumerate(films)))


class NoScreen:
    def update(self, run: Run) -> None:
        pass


def replayed(service: FakeService, clock: FakeClock, *tens: Ten, n_wanted: int | None = None) -> Run:
    drive = Drive(max_lag=100, n_wanted=n_wanted, clock=clock, sleep=clock.sleep)
    run = begin(service, course("films", tens), drive)
    conduct(service, run, NoScreen())
    return run


def test_each_slot_gets_the_users_real_liking() -> None:
    clock = FakeClock()
    service = FakeService(clock)
    replayed(service, clock, ten("u", 0, 2), ten("u", 100, 0))
    told = [[(piece["event_id"], piece["slot"], piece["value"]) for piece in pieces] for pieces in service.told]
    assert told == [
        [("e1", 0, 1.0), ("e1", 1, 1.0), ("e1", 2, 0.0)],
        [("e2", 0, 0.0), ("e2", 1, 0.0), ("e2", 2, 0.0)],
    ]
    assert {piece["type"] for pieces in service.told for piece in pieces} == {"reward"}
    assert service.offers[0] == [str(i) for i in range(10)]


def test_a_context_knows_only_rewards_given_before_to_this_user() -> None:
    clock = FakeClock()
    service = FakeService(clock)
    replayed(service, clock, ten("u", 0, 10), ten("v", 100, 10), ten("u", 200, 0))
    first, other, later = service.contexts
    assert first == other == {"taste": {}}
    # Shown to u so far: drama, comedy, drama, all liked; the mean is shrunken from .5 by two imagined ratings.
    mean = (3 + 1) / (3 + 2)
    assert later == {
        "taste": {
            "Drama": pytest.approx((2 + 2 * mean) / 4 - mean, abs=1e-3),
            "Comedy": pytest.approx((1 + 2 * mean) / 3 - mean, abs=1e-3),
        }
    }


def test_lifts_are_over_the_tens_each_arm_served() -> None:
    clock = FakeClock()
    run = replayed(FakeService(clock), clock, ten("u", 0, 2), ten("u", 100, 6), ten("u", 200, 1))
    found = to_json(run)
    # Learned served tens 1 and 3: 2/3 and 1/3 a slot, where uniform gets .2 and .1; popularity served ten 2: 1 and .6.
    assert found["lift"] == pytest.approx(0.5 / 0.15 - 1, abs=1e-4)
    assert found["lift_popularity"] == pytest.approx(1 / 0.6 - 1, abs=1e-4)
    assert found["arms"]["learned"]["n_requests"] == 2
    assert found["arms"]["learned"]["n_slots"] == 6
    assert found["arms"]["popularity"]["interval_95"] == [None, None]


def test_the_wanted_number_ends_it() -> None:
    clock = FakeClock()
    service = FakeService(clock)
    run = replayed(service, clock, *(ten("u", 100 * i, 3) for i in range(5)), n_wanted=2)
    assert run.tally.n == len(service.asked_at) == 2
