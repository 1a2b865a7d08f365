"""What an experiment needs of a client: two calls of the loop, and how far it has learned.

The command line passes a real client in; tests pass a fake. Nothing here knows how the service is reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Features = Mapping[str, Any]


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
    """The service, as simulated users and their experimenter see it."""

    def choose(self, actions: Mapping[str, Features], *, context: Features, slots: int, loop: str, user: str) -> Shown:
        """Ask for a slate."""
        ...

    def reward_slate(self, event_id: str, values: Sequence[float], *, loop: str) -> int:
        """Report one reward for each slot."""
        ...

    def status(self, loop: str) -> Report:
        """Say what the loop has learned."""
        ...
