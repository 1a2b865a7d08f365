"""Simulated users and a loop: ask for a slate, look at it, report what happened, one request after the other.

In: users (of a world, or recorded) and a service, live or in process. Out: one ``Step`` for each request, for whoever
counts. Late feedback finds the decision it belongs to here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from simulator.service import Features, Feedback, Service


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        session: The visit it belongs to, where there are visits.
        expected: Reward per slot that a uniform choice among the actions would get, where that is known exactly.
    """

    user: str
    context: Features
    actions: Mapping[str, Features]
    session: str | None = None
    expected: float | None = None


class Piece(NamedTuple):
    """One piece of feedback.

    Attributes:
        steps_ago: For which of this user's slates: 0 the one just shown, 1 the one before.
        slot: For which slot of it.
        type: As the loop's recipe names it.
        value: Raw, before the recipe's weight.
    """

    steps_ago: int
    slot: int
    type: str
    value: float


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a user did, and what became of the visit.

    Attributes:
        pieces: All feedback that arrives now.
        reward: Its weighted sum.
        kpi: What of it the owner counts, summed.
        ended: This was the user's last slate: an episode is whole.
        session_ended: This was the last slate of its session.
    """

    pieces: Sequence[Piece]
    reward: float
    kpi: float = 0.0
    ended: bool = False
    session_ended: bool = False


class Users(Protocol):
    """Users who ask, and react to what they are shown."""

    def asks(self) -> Iterator[Ask]:
        """The requests, each made only after the reaction to the one before."""
        ...

    def react(self, ask: Ask, shown: Sequence[str]) -> Reaction:
        """What the user does with this slate of action ids."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One request, and what arrived with it.

    Attributes:
        number: 0-based, within the run.
        shown: Action ids, in slot order.
        propensities: One a slot.
        variant: The arm that chose. A user's feedback is this arm's too where the loop keeps users in one arm.
        version: The snapshot that chose; "" where the policy needs none, or has none yet.
        reward: Weighted sum of the feedback that arrived, late feedback on earlier slates of the user included.
        kpi: The owner's part of it.
        ended: This was the user's last slate.
        decide_s: Wall-clock time of the choice.
        learn_s: Wall-clock time of reporting; in process the loop learns in it.
    """

    number: int
    ask: Ask
    shown: tuple[str, ...]
    propensities: tuple[float, ...]
    variant: str
    version: str
    reward: float
    kpi: float
    ended: bool
    decide_s: float
    learn_s: float

    @property
    def user(self) -> str:
        """Who asked."""
        return self.ask.user

    @property
    def session(self) -> str | None:
        """In which visit."""
        return self.ask.session


@dataclass(frozen=True, slots=True)
class Route:
    """Where the requests go: the loop, and how many slots each asks for."""

    loop: str
    slots: int


def play(
    service: Service,
    users: Users,
    route: Route,
    *,
    n_requests: int | None = None,
    admit: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Step]:
    """Run users against a loop one request at a time, so that each context knows all feedback given before.

    Args:
        service: The loop's service.
        users: Who asks.
        route: The loop, and how many slots.
        n_requests: At most so many; None for as many as there are.
        admit: Called before each request; returns when it may be sent.
        clock: Seconds, to time the calls with.

    Raises:
        simulator.pacing.StalledError: from ``admit``, when the service stops learning.
    """
    events = _Events()
    for number, ask in enumerate(islice(users.asks(), n_requests)):
        admit()
        began_at = clock()
        slate = service.choose(
            ask.actions,
            context=ask.context,
            slots=route.slots,
            loop=route.loop,
            user=ask.user,
            session=ask.session,
        )
        decided_at = clock()
        reaction = users.react(ask, slate.ids)
        named = events.named(ask.user, slate.event_id, reaction, loop=route.loop)
        reacted_at = clock()
        service.rewards(named)
        if reaction.session_ended and ask.session is not None:
            service.end_session(ask.session, loop=route.loop)
        yield Step(
            number=number,
            ask=ask,
            shown=slate.ids,
            propensities=tuple([item.propensity for item in slate.items]),
            variant=slate.variant,
            version=slate.version,
            reward=reaction.reward,
            kpi=reaction.kpi,
            ended=reaction.ended,
            decide_s=decided_at - began_at,
            learn_s=clock() - reacted_at,
        )


class _Events:
    """The decisions made for each user whose episode goes on."""

    def __init__(self) -> None:
        self._of: dict[str, list[str]] = {}

    def named(self, user: str, event_id: str, reaction: Reaction, *, loop: str) -> list[Feedback]:
        """Each piece with the event it belongs to."""
        events = self._of.setdefault(user, [])
        events.append(event_id)
        named: list[Feedback] = [
            {"event_id": events[-1 - steps_ago], "slot": slot, "type": kind, "value": value, "loop": loop}
            for steps_ago, slot, kind, value in reaction.pieces
        ]
        if reaction.ended:
            del self._of[user]
        return named
