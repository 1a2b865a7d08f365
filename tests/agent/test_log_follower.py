from __future__ import annotations

from collections.abc import Iterable

import pytest

from agent import log_follower
from agent.join import Join
from agent.learner import LoopLearner
from agent.lessons import FeatureRows
from agent.log_follower import LogFollower, relearn
from agent.recipe import RewardRecipe
from agent.records import Experience, SessionEnd, Tick
from agent.user_rates import Showing
from policies.features import address
from tests.agent.fake_log import FakeLog, decision
from tests.agent.traffic import rows, settings, traffic


@pytest.fixture
def log() -> FakeLog:
    log = FakeLog()
    log.stored = {address(row): row for row in rows().values()}
    for ms, record in traffic(7, 120):
        log.at(ms, record)
    return log


def follower(log: FakeLog, wanted: str = "popularity") -> LogFollower:
    chosen = settings(wanted)
    return LogFollower(log, Join(RewardRecipe(chosen.reward)), LoopLearner(chosen))


def run(following: LogFollower) -> None:
    while following.gather():
        pass
    while following.advance():
        pass


def test_it_learns_what_is_closed_and_waits_for_the_rest(log: FakeLog) -> None:
    log.at(log.now_ms + 1, decision("last", log.now_ms + 1, feature_keys=b"".join(list(log.stored)[:4])))
    following = follower(log)
    run(following)
    assert following.join.n_ahead == following.join.n_open == 1
    n_inactive = following.join.state().counters.inactive
    assert following.learner.n_learned == 120 - n_inactive
    log.at(log.now_ms + 10_000, Tick(log.now_ms + 10_000))
    run(following)
    assert following.join.n_ahead == 0
    assert following.learner.n_learned == 121 - n_inactive


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_batches_change_nothing(log: FakeLog, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = follower(log)
    run(whole)
    monkeypatch.setattr(log_follower, "BATCH", batch)
    pieces = follower(log)
    run(pieces)
    assert pieces.learner.state() == whole.learner.state()
    assert pieces.join.state() == whole.join.state()


def test_relearning_up_to_a_position_gives_the_state_that_was_there(log: FakeLog) -> None:
    following = follower(log, "vw")
    while following.gather():
        pass
    for _ in range(10_000):
        if following.learner.n_learned >= 32 and following.learner.n_until_settled == 0:
            break
        following.advance()
    assert following.learner.n_learned == 32
    again = relearn(log, settings("vw"), following.join.tail)
    assert again.state() == following.learner.state()


def test_relearning_all_goes_as_far_as_windows_have_closed(log: FakeLog) -> None:
    whole = follower(log)
    run(whole)
    assert relearn(log, settings("popularity")).state() == whole.learner.state()


class Away(FakeLog):
    """Rows can't be read every other time."""

    n_asked = 0

    def rows(self, addresses: Iterable[bytes]) -> dict[bytes, bytes]:
        self.n_asked += 1
        if self.n_asked % 2:
            raise ConnectionError
        return super().rows(addresses)


def test_a_failed_read_leaves_everything_where_it_was(log: FakeLog) -> None:
    whole = follower(log)
    run(whole)
    away = Away()
    away.entries, away.stored = log.entries, log.stored
    following = follower(away)
    while following.gather():
        pass
    moved = True
    while moved:
        try:
            moved = following.advance()
        except ConnectionError:
            moved = True
    assert away.n_asked > 2
    assert following.learner.state() == whole.learner.state()
    assert following.join.state() == whole.join.state()


def test_session_ends_reach_the_learner_after_what_was_decided_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def learn(_: LoopLearner, experience: Experience, __: FeatureRows) -> list[Showing]:
        told.append(experience.decision.event_id)
        return []

    monkeypatch.setattr(LoopLearner, "learn", learn)
    monkeypatch.setattr(LoopLearner, "end", lambda _, ending: told.append(f"end of {ending.session}"))
    log = FakeLog()
    log.at(10, decision("e", 10, session="s"), SessionEnd("s", 10), decision("f", 10, session="s"))
    log.at(500, Tick(500))
    run(follower(log))
    assert told == ["e", "end of s", "f"]
