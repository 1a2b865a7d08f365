"""Rank, reward and activate in the dialects, over the same decisions and the same log as ``/v1``.

In: a call whose key was checked. Out: 201 with a ranking that is in the log already; 204 once a reward or an activation
is. Any event id is taken: what belongs to no decision is counted as an orphan by the learner, as the old service did.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from agent.event_log import EventLog, LogUnavailable
from agent.records import Activation, Decision, Reward
from serve_app.deciding import Decider, unavailable
from serve_app.errors import ForbiddenError, RequestError
from serve_app.http import Reply, json_reply
from serve_app.loop_runtime import LoopRuntime
from serve_app.metrics import Meter, Outcome
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.feedback_wire import reward, slot_rewards
from serve_app.personalizer.rank_wire import AskedRank, RankReader, multi_slot_answer, rank_answer
from serve_app.routes.personalizer import NO_CONTENT, Call
from serve_app.routes.scoping import LoopResolver
from serve_app.tokens import CLIENT_ID_CHARS, Signer
from serve_app.wish import Wish

_SEVERAL = b"multislot\0"
"""The same body asks for one slot or for several, by its path: an event id is good for one of both."""


class PersonalizerEventRoutes:
    """Decides and takes feedback for clients of the dialects.

    Args:
        resolver: Finds the loop of a key.
        decider: Chooses and logs.
        log: Where feedback goes.
        meter: Counts.
        signer: The signer in use.
    """

    def __init__(
        self, resolver: LoopResolver, decider: Decider, log: EventLog, meter: Meter, signer: Callable[[], Signer]
    ) -> None:
        self._resolver = resolver
        self._decider = decider
        self._log = log
        self._meter = meter
        self._signer = signer
        self._reader = RankReader()

    async def rank(self, call: Call) -> Reply:
        """Choose one action, and list all of them."""
        decision = await self._counted(call, self._reader.rank, tells_all=True)
        return json_reply(rank_answer(decision), status=201)

    async def rank_multi_slot(self, call: Call) -> Reply:
        """Choose an action for each slot."""
        decision = await self._counted(call, self._reader.multi_slot, tells_all=False)
        return json_reply(multi_slot_answer(decision), status=201)

    async def reward(self, call: Call) -> Reply:
        """Take a reward for a decision of one slot."""
        loop = await self._loop_of(call, "InvalidRewardRequest")
        clock_ms = self._log.clock_ms()
        told = reward(call.body, call.id, call.request_id, settings=loop.settings.reward, clock_ms=clock_ms)
        return await self._take(loop, told)

    async def reward_slots(self, call: Call) -> Reply:
        """Take rewards for some slots of a decision."""
        loop = await self._loop_of(call, "InvalidRewardRequest")
        clock_ms = self._log.clock_ms()
        told = slot_rewards(call.body, call.id, call.request_id, settings=loop.settings.reward, clock_ms=clock_ms)
        return await self._take(loop, told)

    async def activate(self, call: Call) -> Reply:
        """A deferred decision was shown."""
        loop = await self._loop_of(call, "InvalidEventIdToActivate")
        try:
            await self._log.append(loop.name, Activation(call.id, self._log.clock_ms()))
        except LogUnavailable as error:
            raise unavailable(error) from None
        return NO_CONTENT

    async def _counted(self, call: Call, read: Callable[..., AskedRank], *, tells_all: bool) -> Decision:
        started_s = time.perf_counter()
        loop, variant = "", ""
        outcome: Outcome = "error"
        try:
            runtime = await self._resolver.of(call.principal, None)
            loop = runtime.name
            decision = await self._decide(call, runtime, read, tells_all=tells_all)
            variant, outcome = decision.variant, "ok"
            return decision
        except (RequestError, AzureError) as error:
            outcome = "unavailable" if error.status >= 500 else "refused"
            raise
        finally:
            self._meter.decided(loop, variant, outcome, time.perf_counter() - started_s)

    def _decide(
        self, call: Call, loop: LoopRuntime, read: Callable[..., AskedRank], *, tells_all: bool
    ) -> Awaitable[Decision]:
        asked = read(call.body, n_most=loop.settings.personalizer.actions)
        body = call.body if tells_all else _SEVERAL + call.body
        event_id = None
        if asked.request.event_id is None and call.request_id:
            event_id = self._signer().make_again(loop.name, call.request_id.encode() + b"\0" + body)
        wish = Wish(event_id=event_id, baseline=asked.baseline, tells_all=tells_all)
        return self._decider.decision(asked.request, loop, body=body, wish=wish)

    async def _loop_of(self, call: Call, invalid: str) -> LoopRuntime:
        """The event's loop where its id tells, else the key's."""
        if len(call.id) > CLIENT_ID_CHARS:
            raise AzureError(400, invalid, f"EventId has at most {CLIENT_ID_CHARS} characters.", target="eventId")
        if call.principal.needs_signed_ids:
            return await self._resolver.of_event(call.principal, call.id, None)
        try:
            signed = self._signer().loop_of(call.id)
        except ForbiddenError:
            signed = None
        return await self._resolver.of(call.principal, signed if call.principal.loop is None else None)

    async def _take(self, loop: LoopRuntime, told: Sequence[Reward]) -> Reply:
        try:
            await asyncio.gather(*(self._log.append(loop.name, record) for record in told))
        except LogUnavailable as error:
            self._meter.rewarded(loop.name, "unavailable", len(told))
            raise unavailable(error) from None
        self._meter.rewarded(loop.name, "accepted", len(told))
        return NO_CONTENT
