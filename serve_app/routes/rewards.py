"""Feedback: ``POST /v1/rewards``, activation of deferred decisions, and the end of a session.

In: one reward or a list. Out: 202 once every one of them is in the log. They are checked all or none: a wrong one keeps
the whole list out. Where the log fails, some may be in it; repeat with the same reward_id, which counts once.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import Any

import msgspec

from agent.event_log import EventLog, LogUnavailable
from agent.records import Activation, Reward, SessionEnd
from serve_app.auth import Principal
from serve_app.deciding import unavailable
from serve_app.errors import RequestError, UnprocessableError, shown
from serve_app.http import Ask, Reply, json_reply
from serve_app.loop_runtime import LoopRuntime
from serve_app.metrics import Meter
from serve_app.reading import Reader
from serve_app.routes.scoping import LoopResolver
from serve_app.tokens import CLIENT_ID_CHARS
from serve_app.wire import EMPTY, Accepted, LoopNamed, RewardRequest, RewardsAnswer

PROPS_BYTES = 4096

_read_rewards: Reader[RewardRequest | list[RewardRequest]] = Reader(RewardRequest | list[RewardRequest])
_read_named: Reader[LoopNamed] = Reader(LoopNamed)
_read_props: Reader[dict[str, Any]] = Reader(dict[str, Any])


class RewardRoutes:
    """Takes feedback.

    Args:
        resolver: Finds the loop of an event.
        log: Where feedback goes.
        meter: Counts.
        batch_limit: Most rewards in one request.
    """

    def __init__(self, resolver: LoopResolver, log: EventLog, meter: Meter, *, batch_limit: int) -> None:
        self._resolver = resolver
        self._log = log
        self._meter = meter
        self._batch_limit = batch_limit

    async def rewards(self, ask: Ask) -> Reply:
        """Take one reward or a list of them."""
        read = _read_rewards.read(ask.body)
        asked = read if isinstance(read, list) else [read]
        if not 1 <= len(asked) <= self._batch_limit:
            cure = f"send 1 to {self._batch_limit} at once"
            raise UnprocessableError(f"{len(asked)} rewards in one request", value=str(len(asked)), cure=cure)
        checked = [
            await self._check(ask.who, one, f"[{place}]" if isinstance(read, list) else "")
            for place, one in enumerate(asked)
        ]
        await self._append(checked)
        return json_reply(RewardsAnswer(len(checked)), status=202)

    async def activate(self, ask: Ask) -> Reply:
        """A deferred decision was shown."""
        event_id, named = ask.params["event_id"], _named(ask)
        _check_path_id(event_id, "event_id")
        loop = await self._resolver.of_event(ask.who, event_id, named)
        await self._log_one(loop.name, Activation(event_id, self._log.clock_ms()))
        return json_reply(Accepted(), status=202)

    async def end_session(self, ask: Ask) -> Reply:
        """A session is over."""
        session, named = ask.params["session"], _named(ask)
        _check_path_id(session, "session")
        loop = await self._resolver.of(ask.who, named)
        await self._log_one(loop.name, SessionEnd(session, self._log.clock_ms()))
        return json_reply(Accepted(), status=202)

    async def _check(self, principal: Principal, asked: RewardRequest, prefix: str) -> tuple[str, Reward]:
        """The loop and the record of one reward."""
        loop = ""
        try:
            runtime = await self._resolver.of_event(principal, asked.event_id, asked.loop)
            loop = runtime.name
            _check_reward(asked, runtime)
            return loop, self._record(asked)
        except RequestError as error:
            self._meter.rewarded(loop, "refused")
            raise (error.at(prefix) if prefix else error) from None

    def _record(self, asked: RewardRequest) -> Reward:
        return Reward(
            event_id=asked.event_id,
            clock_ms=self._log.clock_ms(),
            value=float(asked.value),
            type=asked.type,
            slot=asked.slot,
            action=asked.action,
            reward_id=asked.reward_id,
            props=b"" if asked.props == EMPTY else bytes(asked.props),
        )

    async def _append(self, checked: list[tuple[str, Reward]]) -> None:
        by_loop = Counter(loop for loop, _ in checked)
        try:
            await asyncio.gather(*(self._log.append(loop, record) for loop, record in checked))
        except LogUnavailable as error:
            for loop, n in by_loop.items():
                self._meter.rewarded(loop, "unavailable", n)
            raise unavailable(error) from None
        for loop, n in by_loop.items():
            self._meter.rewarded(loop, "accepted", n)

    async def _log_one(self, loop: str, record: Activation | SessionEnd) -> None:
        try:
            await self._log.append(loop, record)
        except LogUnavailable as error:
            raise unavailable(error) from None


def _check_reward(asked: RewardRequest, loop: LoopRuntime) -> None:
    if not math.isfinite(asked.value):
        raise UnprocessableError(
            "the value is not finite", field="value", value=shown(asked.value), cure="send a finite number"
        )
    if asked.slot is not None and asked.action is not None:
        cure = "name the slot or the action, not both"
        raise UnprocessableError("slot and action are both named", field="slot", value=shown(asked.slot), cure=cure)
    if isinstance(asked.slot, int) and asked.slot >= loop.settings.limits.slots:
        cure = f"slots count from 0 and this loop's slates have at most {loop.settings.limits.slots}"
        raise UnprocessableError("there is no such slot", field="slot", value=shown(asked.slot), cure=cure)
    if asked.props != EMPTY:
        _check_props(asked.props)


def _check_props(props: msgspec.Raw) -> None:
    if len(bytes(props)) > PROPS_BYTES:
        cure = f"send at most {PROPS_BYTES} bytes"
        raise UnprocessableError("props is too long", field="props", value=f"{len(bytes(props))} bytes", cure=cure)
    try:
        _read_props.read(props)
    except RequestError as error:
        raise error.at("props") from None


def _check_path_id(text: str, field: str) -> None:
    if not 1 <= len(text) <= CLIENT_ID_CHARS:
        cure = f"ids have 1 to {CLIENT_ID_CHARS} characters"
        raise UnprocessableError("the id in the path is too long", field=field, value=shown(text), cure=cure)


def _named(ask: Ask) -> str | None:
    """The loop that the optional body names."""
    return _read_named.read(ask.body).loop if ask.body else None
