"""Which loop a request means, and whether its key may touch it.

In: the key, the loop named in the request, an event id. Out: the loop's runtime or its name; or a refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.loops import DEFAULT_LOOP
from serve_app.auth import Principal
from serve_app.current import Loops, unknown_loop
from serve_app.errors import ForbiddenError, NotFoundError, UnprocessableError, shown
from serve_app.loop_runtime import LoopRuntime
from serve_app.tokens import Signer


class LoopResolver:
    """Finds the loop of a request.

    Args:
        loops: The loops being served.
        names: Lists all loops, blocking; asked only to help an admin who misspelt one.
        signer: The signer in use.
    """

    def __init__(self, loops: Loops, names: Callable[[], list[str]], signer: Callable[[], Signer]) -> None:
        self._loops = loops
        self._names = names
        self._signer = signer

    async def of(self, principal: Principal, named: str | None) -> LoopRuntime:
        """The loop that is named, else the key's, else ``default``.

        Raises:
            ForbiddenError: the key is for another loop.
            NotFoundError: there is no such loop.
        """
        name = named or principal.loop or DEFAULT_LOOP
        principal.require_loop(name)
        return self._loops.peek(name) or await self._load(principal, name)

    async def of_event(self, principal: Principal, event_id: str, named: str | None) -> LoopRuntime:
        """The loop an event belongs to: its signed id tells, else as ``of``.

        Raises:
            ForbiddenError: the id is forged, of another loop than the key's, or unsigned where the key needs it signed.
            UnprocessableError: the request names another loop than the id.
            NotFoundError: there is no such loop.
        """
        signed = self._signer().loop_of(event_id)
        if signed is None and principal.needs_signed_ids:
            raise ForbiddenError(
                f"key {principal.id} may only reward; it needs event ids that the service signed",
                field="event_id",
                value=shown(event_id),
                cure="let the service choose the event_id, or use a key with the scope decide",
            )
        if signed is not None and named is not None and named != signed:
            raise UnprocessableError(
                f"the event belongs to the loop {signed}"
                if principal.loop in (None, signed)
                else "not this event's loop",
                field="loop",
                value=shown(named),
                cure="leave loop out: the event id tells it",
            )
        return await self.of(principal, signed or named)

    async def _load(self, principal: Principal, name: str) -> LoopRuntime:
        try:
            return await self._loops.get(name)
        except NotFoundError:
            if not principal.is_admin or principal.loop is not None:
                raise
            raise unknown_loop(name, await asyncio.to_thread(self._names)) from None
