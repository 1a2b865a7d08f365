"""What a caller may ask of a decision beside the request itself; the dialects do, ``/v1`` never."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """How a decision is to be made and logged.

    Attributes:
        event_id: A signed id that a repeat of the request has too, so that it is decided and logged once; None for a
            fresh one, or the request's own.
        baseline: Indices of what the application would show by itself, one a slot; None for the order of the actions.
        tells_all: Whether the answer tells every action's probability, which is then logged.
    """

    event_id: str | None = None
    baseline: tuple[int, ...] | None = None
    tells_all: bool = False


NO_WISH = Wish()
