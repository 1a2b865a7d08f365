"""Why a service can't start, in words for the person who starts it."""

from __future__ import annotations


class StartError(RuntimeError):
    """The service can't start; the message names what is in the way and the cure. Nothing is left running."""
