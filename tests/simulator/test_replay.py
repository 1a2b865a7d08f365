from __future__ import annotations

import pytest

from simulator.datasets import Film, Rating, Ten
from simulator.replay import Tastes, course, film_features
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
    assert service.rewards == {"e1": [1.0, 1.0, 0.0], "e2": [0.0, 0.0, 0.0]}
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


def test_a_genre_liked_as_often_as_all_else_is_neutral() -> None:
    tastes = Tastes()
    for genres in (DRAMA, COMEDY):
        for reward in (1.0, 0.0):
            tastes.learn(Film("1", genres, None), reward)
    assert tastes.features() == {"Drama": 0.0, "Comedy": 0.0}


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


def test_a_film_without_a_year_has_no_year() -> None:
    assert film_features(Film("1", DRAMA, None)) == {"genres": ["Drama"]}
    assert film_features(Film("1", DRAMA, 1994)) == {"genres": ["Drama"], "year": 1994, "decade": "1990s"}
