"""Simulated users against a live service: ask for a slate, look at it, report each slot's reward, one after the other.

In: a world (recorded or invented) and a service. Out: one ``Outcome`` for each request, for whoever keeps the tally.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from simulator.pacing import LagGate, Pacer
from simulator.service import Features, Service


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        expected: Reward per slot that a uniform choice among the actions would get, exactly.
    """

    user: str
    context: Features
    actions: Mapping[str, Features]
    expected: float


class World(Protocol):
    """Users who ask, and react to what they are shown."""

    def asks(self) -> Iterator[Ask]:
        """The requests, each made only after the reaction to the one before."""
        ...

    def react(self, ask: Ask, shown: Sequence[str]) -> list[float]:
        """The reward of each slot."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request.

    Attributes:
        rewards: One a slot.
        expected: As in ``Ask``.
    """

    variant: str
    version: str
    rewards: tuple[float, ...]
    expected: float


@dataclass(frozen=True, slots=True)
class Route:
    """Where the requests go: the loop, and how many slots each asks for."""

    loop: str
    slots: int


def drive(service: Service, world: World, route: Route, *, gate: LagGate, pacer: Pacer) -> Iterator[Outcome]:
    """Run the world against the service one request at a time, so that each context knows all rewards given before.

    Raises:
        StalledError: when the service stops learning.
    """
    for ask in world.asks():
        gate.admit()
        pacer.wait()
        slate = service.choose(ask.actions, context=ask.context, slots=route.slots, loop=route.loop, user=ask.user)
        rewards = world.react(ask, slate.ids)
        service.reward_slate(slate.event_id, rewards, loop=route.loop)
        yield Outcome(slate.variant, slate.version, tuple(rewards), ask.expected)
