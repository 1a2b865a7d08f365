"""Why a service can't start, in words for the person who starts it."""

from __future__ import annotations


class StartError(RuntimeError):
    """The service can't start; the message names what is in the way and the cure. Nothing is left running."""


class HostingError(StartError):
    """What Ray hosts didn't come up: perhaps by chance, so that a second try is worth it."""

    def __init__(self, message: str, *, gist: str) -> None:
        """See the class.

        Args:
            message: For the person who starts it, if no second try works either.
            gist: The same in few words, if one does.
        """
        super().__init__(message)
        self.gist = gist
