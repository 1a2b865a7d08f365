from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import pytest

from simulator.traffic import Ask, Piece, Reaction, Route, play
from tests.simulator.fakes import FakeClock, FakeService

ROUTE = Route("loop", 1)


class Scripted:
    """Users who ask and react as written."""

    def __init__(self, *script: tuple[str, Reaction]) -> None:
        self._script = list(script)
        self._n = 0

    def asks(self) -> Iterator[Ask]:
        for user, _ in self._script:
            yield Ask(user, {"n": self._n}, {"a": {}, "b": {}}, f"{user}-visit")

    def react(self, ask: Ask, shown: Sequence[str]) -> Reaction:
        assert list(shown) == ["a"]
        self._n += 1
        return self._script[self._n - 1][1]


def click(steps_ago: int = 0) -> Piece:
    return Piece(steps_ago, 0, "click", 1.0)


def test_late_feedback_finds_the_decision_it_belongs_to() -> None:
    service = FakeService(FakeClock())
    users = Scripted(
        ("u", Reaction([], 0.0)),
        ("v", Reaction([click()], 1.0)),
        ("u", Reaction([click(1), click(0)], 2.0)),
    )
    steps = list(play(service, users, ROUTE))
    assert [[piece["event_id"] for piece in told] for told in service.told] == [[], ["e2"], ["e1", "e3"]]
    assert service.told[2][0] == {"event_id": "e1", "slot": 0, "type": "click", "value": 1.0, "loop": "loop"}
    assert [step.reward for step in steps] == [0.0, 1.0, 2.0]


def test_a_user_who_comes_back_after_an_episode_owes_nothing_to_it() -> None:
    users = Scripted(("u", Reaction([], 0.0, ended=True)), ("u", Reaction([click(1)], 1.0)))
    with pytest.raises(IndexError):
        list(play(FakeService(FakeClock()), users, ROUTE))


def test_a_step_tells_what_was_asked_shown_and_earned() -> None:
    users = Scripted(("u", Reaction([click()], 1.0, kpi=3.0, ended=True, session_ended=True)))
    service = FakeService(FakeClock())
    (step,) = play(service, users, ROUTE)
    assert (step.number, step.user, step.session, step.shown) == (0, "u", "u-visit", ("a",))
    assert (step.propensities, step.variant, step.version) == ((0.5,), "learned", "v1")
    assert (step.reward, step.kpi, step.ended) == (1.0, 3.0, True)
    assert service.ended_sessions == ["u-visit"]


def test_each_request_is_made_after_the_reaction_to_the_one_before_and_admitted_first() -> None:
    service = FakeService(FakeClock())
    admitted: list[int] = []
    users = Scripted(*[("u", Reaction([], 0.0))] * 5)
    steps = play(service, users, ROUTE, n_requests=4, admit=lambda: admitted.append(len(service.asked_at)))
    assert [step.number for step in islice(steps, 2)] == [0, 1]
    assert len(service.asked_at) == 2
    assert [step.number for step in steps] == [2, 3]
    assert [context["n"] for context in service.contexts] == [0, 1, 2, 3]
    assert admitted == [0, 1, 2, 3]


def test_choosing_and_reporting_are_timed_apart() -> None:
    clock = FakeClock()

    class Slow(FakeService):
        def choose(self, *args: object, **named: object) -> object:  # type: ignore[override]  # only time matters
            clock.sleep(2.0)
            return super().choose(*args, **named)  # type: ignore[arg-type]  # as above

        def rewards(self, feedback: object) -> int:
            clock.sleep(5.0)
            return 0

    (step,) = play(Slow(clock), Scripted(("u", Reaction([], 0.0))), ROUTE, clock=clock)  # type: ignore[arg-type]
    assert (step.decide_s, step.learn_s) == (2.0, 5.0)
