"""Evaluations in the dialects: created, listed, read, deleted, applied."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec
from redis import Redis

from agent.evaluation.findings import Evaluation, EvaluationStore
from agent.event_log import LogReader, server_ms
from agent.records import StreamId
from serve_app.evaluator import Evaluator
from serve_app.http import Reply, json_reply
from serve_app.personalizer import evaluations
from serve_app.personalizer.errors import AzureError
from serve_app.personalizer.operations import Dialect
from serve_app.reading import Reader
from serve_app.routes.personalizer import NO_CONTENT, Call
from serve_app.routes.personalizer_settings import PersonalizerSettingsRoutes, PolicyBody
from serve_app.routes.scoping import LoopResolver

MAX_PAGE = 100
MANUAL = "metadata=evaluationType eq 'Manual'"
FILTER = (
    "Error in the filter expression. Use an expression to filter the evaluations against evaluation metadata. Only"
    " evaluations where the expression evaluates to true are included in the response. Here is an example, " + MANUAL
)

_NO_LOGS = "No logs exist in date range."


class ApplyBody(msgspec.Struct, frozen=True, rename="camel"):
    """Which policy of which evaluation."""

    evaluation_id: str
    policy_name: str


_read_apply: Reader[ApplyBody] = Reader(ApplyBody)


class PersonalizerEvaluationRoutes:
    """Evaluates a loop for clients of the dialects.

    Args:
        redis: A sync client.
        resolver: Finds the loop of a key.
        evaluator: Carries evaluations out.
        settings: Puts a policy in force.
    """

    def __init__(
        self, redis: Redis, resolver: LoopResolver, evaluator: Evaluator, settings: PersonalizerSettingsRoutes
    ) -> None:
        self._redis = redis
        self._resolver = resolver
        self._evaluator = evaluator
        self._settings = settings

    async def create(self, call: Call) -> Reply:
        """Begin an evaluation; what it found is read with GET."""
        name = await self._loop(call)
        id = call.id or secrets.token_hex(12)
        evaluation = await asyncio.to_thread(self._added, name, call.body, id)
        self._evaluator.start(name, id)
        if call.dialect is Dialect.V2022:
            return Reply(b"", 200)
        described = evaluations.described(evaluation, call.dialect, now_ms=evaluation.created_ms)
        reply = json_reply(described, status=201)
        path = f"/personalizer/{call.dialect.value}/evaluations/{id}"
        return _with_header(reply, (b"location", f"{call.url}{path}".encode()))

    async def list_all(self, call: Call) -> Reply:
        """The loop's evaluations, newest first."""
        found, now_ms = await asyncio.to_thread(self._all, await self._loop(call))
        if call.dialect is not Dialect.V2022:
            return json_reply([evaluations.described(one, call.dialect, now_ms=now_ms) for one in found])
        skip, page, top = (_number(call, name, n) for name, n in (("skip", 0), ("maxpagesize", MAX_PAGE), ("top", -1)))
        if not _is_listed(call.query.get("filter", MANUAL)):
            found = []
        wanted = found[skip:] if top < 0 else found[skip : skip + top]
        told = wanted[: max(1, min(page, MAX_PAGE))]
        left = len(wanted) - len(told)
        next_link = f"{call.url}/personalizer/evaluations?skip={skip + len(told)}&maxpagesize={page}" + (
            f"&top={left}" if top >= 0 else ""
        )
        value = [evaluations.summarised(one, now_ms=now_ms) for one in told]
        return json_reply({"value": value, "nextLink": next_link} if left else {"value": value})

    async def get(self, call: Call) -> Reply:
        """One evaluation, with what it found so far."""
        window = evaluations.window_of(call.query) if call.dialect is Dialect.V2022 else None
        one, now_ms = await asyncio.to_thread(self._one, await self._loop(call), call.id)
        if window is None:
            return json_reply(evaluations.described(one, call.dialect, now_ms=now_ms))
        return json_reply(evaluations.detailed(one, window, now_ms=now_ms))

    async def delete(self, call: Call) -> Reply:
        """Forget an evaluation."""
        name = await self._loop(call)
        if not await asyncio.to_thread(EvaluationStore(self._redis, name).delete, call.id):
            raise _not_found()
        return NO_CONTENT

    async def apply(self, call: Call) -> Reply:
        """Put a policy that was evaluated in force; it learns from the log before it serves."""
        body = _read_apply.read(call.body)
        name = await self._loop(call)
        one, _ = await asyncio.to_thread(self._one, name, body.evaluation_id)
        if one.status not in ("completed", "applied"):
            raise AzureError(400, "InvalidPolicyContract", "The evaluation must be completed.", target="evaluationId")
        policy = next((p for p in one.results if p.name == body.policy_name and p.source in ("Custom", "Online")), None)
        if policy is None:
            raise AzureError(404, "LearningSettingsNotFound", "Learning Settings not found in evaluation.")
        if policy.source == "Custom":
            await self._settings.apply_policy(name, PolicyBody(policy.name, policy.arguments))
            applied = msgspec.structs.replace(one, status="applied")
            await asyncio.to_thread(EvaluationStore(self._redis, name).replace, applied)
        return NO_CONTENT

    async def _loop(self, call: Call) -> str:
        return (await self._resolver.of(call.principal, None)).name

    def _added(self, name: str, body: bytes, id: str) -> Evaluation:
        evaluation = evaluations.asked_for(body, id, now_ms=server_ms(self._redis))
        first = LogReader(self._redis, name).read(StreamId(max(0, evaluation.start_ms - 1), 2**64 - 1), 1)
        if not first or first[0].id.ms > evaluation.end_ms:
            raise AzureError(400, "NoLogsExistInDateRange", _NO_LOGS, target="startTime")
        if not EvaluationStore(self._redis, name).add(evaluation):
            message = f"Evaluation with id {id} already exists."
            raise AzureError(400, "EvaluationAlreadyExists", message, target="evaluationId")
        return evaluation

    def _all(self, name: str) -> tuple[list[Evaluation], int]:
        return EvaluationStore(self._redis, name).all(), server_ms(self._redis)

    def _one(self, name: str, id: str) -> tuple[Evaluation, int]:
        one = EvaluationStore(self._redis, name).get(id)
        if one is None:
            raise _not_found()
        return one, server_ms(self._redis)


def _with_header(reply: Reply, header: tuple[bytes, bytes]) -> Reply:
    """The reply with one more header."""
    return Reply(reply.body, reply.status, reply.content_type, (*reply.headers, header))


def _is_listed(expression: str) -> bool:
    """Every evaluation here was asked for by hand."""
    kind, quote, rest = expression.removeprefix("metadata=").strip().partition("'")
    if kind.strip() != "evaluationType eq" or not quote or rest.strip().count("'") != 1:
        raise AzureError(400, "InvalidRequest", FILTER, target="filter")
    return rest.strip(" '") == "Manual"


def _number(call: Call, name: str, default: int) -> int:
    text: Any = call.query.get(name, str(default))
    if not (text.isascii() and (text.isdigit() or text == str(default)) and len(text) <= 9):
        raise AzureError(400, "InvalidRequest", f"Invalid request. {name} must be a whole number.", target=name)
    return int(text)


def _not_found() -> AzureError:
    return AzureError(404, "EvaluationNotFound", "Offline Evaluation not found.")
