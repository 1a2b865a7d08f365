"""``POST /v1/slates`` and its batch: parse, decide, answer, count."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec

from serve_app.asgi import AWAY, away, defect
from serve_app.auth import Principal
from serve_app.deciding import Decider
from serve_app.errors import Problem, RequestError, UnprocessableError
from serve_app.http import Ask, Reply, json_reply
from serve_app.metrics import Meter, Outcome
from serve_app.reading import Reader
from serve_app.routes.scoping import LoopResolver
from serve_app.wire import BatchAnswer, BatchRequest, SlateAnswer, SlateRequest

logger = logging.getLogger("slateloop.slates")

_read_slate: Reader[SlateRequest] = Reader(SlateRequest)
_read_batch: Reader[BatchRequest] = Reader(BatchRequest)


class SlateRoutes:
    """Decides.

    Args:
        resolver: Finds the loop.
        decider: Chooses and logs.
        meter: Counts.
        batch_limit: Most requests in one batch.
        monotonic_s: The clock that measures latency.
    """

    def __init__(
        self,
        resolver: LoopResolver,
        decider: Decider,
        meter: Meter,
        *,
        batch_limit: int,
        monotonic_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._resolver = resolver
        self._decider = decider
        self._meter = meter
        self._batch_limit = batch_limit
        self._monotonic_s = monotonic_s

    async def one(self, ask: Ask) -> Reply:
        """Answer one slate request."""
        return json_reply(await self._decide(ask.who, ask.body))

    async def batch(self, ask: Ask) -> Reply:
        """Answer each request of a batch, a refused one with its problem in place."""
        requests = _read_batch.read(ask.body).requests
        if len(requests) > self._batch_limit:
            raise UnprocessableError(
                f"{len(requests)} requests in one batch",
                field="requests",
                value=str(len(requests)),
                cure=f"send at most {self._batch_limit} at once, or raise SLATELOOP_BATCH_LIMIT",
            )
        answers = await asyncio.gather(*(self._place(ask.who, body) for body in requests))
        return json_reply(BatchAnswer(answers))

    async def _place(self, principal: Principal, body: msgspec.Raw) -> SlateAnswer | Problem:
        try:
            return await self._decide(principal, body)
        except RequestError as error:
            return error.problem()
        except AWAY as error:
            logger.warning("a request of a batch: the datastore is away: %s", error)
            return away().problem()
        except Exception:
            # As at the rim: one request's failure is its own, the others of the batch may be in the log already.
            logger.exception("a request of a batch failed")
            return defect().problem()

    async def _decide(self, principal: Principal, body: bytes | msgspec.Raw) -> SlateAnswer:
        started_s = self._monotonic_s()
        loop, variant = "", ""
        outcome: Outcome = "error"
        try:
            request = _read_slate.read(body)
            runtime = await self._resolver.of(principal, request.loop)
            loop = runtime.name
            answer = await self._decider.decide(request, runtime, body=body)
            variant, outcome = answer.variant, "ok"
            return answer
        except RequestError as error:
            outcome = _outcome(error)
            raise
        finally:
            self._meter.decided(loop, variant, outcome, self._monotonic_s() - started_s)


def _outcome(error: RequestError) -> Outcome:
    return "unavailable" if error.status >= 500 else "refused"
