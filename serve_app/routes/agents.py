"""Trained agents: the route that takes one for a loop to begin with, and the check that settings name one that is kept.

In: the bytes that `slateloop train` made. Out: their address, after their policy was loaded and has answered once and
what learns on was looked at; what can't be served or learned on from here is refused at once, and nothing of it is
kept. No training framework is loaded for it.
"""

from __future__ import annotations

import asyncio
import re

from redis import Redis

from agent.loops import LOOP_NAME, LoopSettings
from agent.starts import StartError, StartStore, checked, encoder_of, unfit
from serve_app.admin_wire import AgentStored
from serve_app.errors import UnprocessableError, shown
from serve_app.http import Ask, Reply, json_reply


class AgentRoutes:
    """Takes trained agents.

    Args:
        redis: A sync client.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, ask: Ask) -> Reply:
        """Keep an agent; the loop need not exist yet."""
        name = ask.params["loop"]
        ask.who.require_loop(name)
        if not re.fullmatch(LOOP_NAME, name):
            cure = "use 1 to 64 of a-z, 0-9, dot, underscore and hyphen"
            raise UnprocessableError("this can't be a loop's name", field="loop", value=shown(name), cure=cure)
        return json_reply(await asyncio.to_thread(self._keep, name, ask.body))

    def _keep(self, name: str, data: bytes) -> AgentStored:
        try:
            start = checked(data)
        except StartError as error:
            raise _refused(error, f"{len(data)} bytes", field="body") from None
        features = encoder_of(start).unmet([])
        address = StartStore(self._redis, name).put(data)
        return AgentStored(address, start.kind, len(data), start.reward_min, start.reward_max, features)


def require_start(redis: Redis, name: str, settings: LoopSettings) -> None:
    """See that what the settings begin with is kept, of their kind, and of their options' sizes; blocking.

    Raises:
        UnprocessableError: it isn't.
    """
    policy = settings.policy
    if not policy.start:
        return
    try:
        start = StartStore(redis, name).load(policy.start)
    except StartError as error:
        raise _refused(error, policy.start, field="policy.start") from None
    problems = unfit(start, settings)
    if problems:
        field, _, value = problems[0].partition(": ")[0].partition("=")
        cure = "correct each of these and send it again"
        raise UnprocessableError("; ".join(problems), field=field, value=shown(value), cure=cure)


def _refused(error: StartError, value: str, *, field: str) -> UnprocessableError:
    detail, _, cure = str(error).rpartition("; ")
    return UnprocessableError(detail or str(error), field=field, value=shown(value), cure=cure)
