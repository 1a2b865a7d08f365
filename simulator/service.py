"""What an experiment needs of a loop: to ask it for slates, to tell it what happened, and how far it has learned.

The live service's client is one (the command line passes it in), ``simulator/in_process.py`` another, tests pass a
fake. Nothing here knows how the loop is reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Required, TypedDict

Features = Mapping[str, Any]


class Feedback(TypedDict, total=False):
    """One piece of feedback, in the service's own words.

    Attributes:
        type: Which entry of the loop's recipe weighs it.
        slot: 0-based number or id of the slot it belongs to.
    """

    event_id: Required[str]
    value: Required[float]
    type: str
    slot: int | str | None
    action: str | None
    reward_id: str
    loop: str | None
    props: Features


class Item(Protocol):
    """An action in its slot."""

    @property
    def propensity(self) -> float:
        """With which it was chosen, given the slots before, in (0, 1]."""
        ...


class Shown(Protocol):
    """A slate as it was chosen."""

    @property
    def event_id(self) -> str:
        """Names the decision."""
        ...

    @property
    def ids(self) -> tuple[str, ...]:
        """The chosen actions, in slot order."""
        ...

    @property
    def items(self) -> Sequence[Item]:
        """The same, with their propensities."""
        ...

    @property
    def variant(self) -> str:
        """The arm that chose."""
        ...

    @property
    def version(self) -> str:
        """The snapshot that chose; "" where the policy needs none, or has none yet."""
        ...


class Serving(Protocol):
    """The snapshot being served."""

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def n_learned(self) -> int:
        """How many experiences it has learned."""
        ...


class Experiences(Protocol):
    """Experiences that never reach a snapshot, counted."""

    @property
    def refused(self) -> int:
        """Not valid, so not learned."""
        ...

    @property
    def inactive(self) -> int:
        """Deferred and never shown."""
        ...

    @property
    def clock_jump(self) -> int:
        """Unrewarded across a jump of the server's clock."""
        ...


class Report(Protocol):
    """The state of a loop."""

    @property
    def serving(self) -> Serving | None:
        """None before the first snapshot."""
        ...

    @property
    def experiences(self) -> Experiences:
        """What became of the decisions."""
        ...

    @property
    def why(self) -> Sequence[str]:
        """Sentences that say what the loop waits for."""
        ...


class Service(Protocol):
    """A loop's service, as simulated users and their experimenter see it."""

    def choose(
        self,
        actions: Mapping[str, Features],
        *,
        context: Features,
        slots: int,
        loop: str,
        user: str,
        session: str | None,
    ) -> Shown:
        """Ask for a slate."""
        ...

    def rewards(self, feedback: Iterable[Feedback]) -> int:
        """Report what happened, all at once; nothing is sent where nothing did."""
        ...

    def end_session(self, session: str, *, loop: str) -> None:
        """Say that a visit is over."""
        ...

    def status(self, loop: str) -> Report:
        """Say what the loop has learned."""
        ...
