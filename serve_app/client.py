"""The Python client: ``Client`` and ``AsyncClient``, the same calls over httpx with keep-alive and safe retries.

In: method calls. Out: typed results, or one ``SlateloopError``. Broken connections, overload (429) and 5xx answers are
retried with growing, jittered pauses until a time budget is spent. That is safe: the client names every decision and
every reward itself, so the service knows a repeat, gives the same answer and logs it once.

    with Client("http://127.0.0.1:8000", key) as client:
        slate = client.choose({"a1": {"topic": "sport"}, "a2": {"topic": "news"}}, context={"hour": 21})
        client.reward(slate.event_id, 1.0)

Which loop a call means: the one it names; else, of feedback, the one that its event was asked of through this client,
which remembers the last 10,000 events; else the client's; else the key's; else ``default``. A reward sent by another
process than asked for the slate must therefore name its loop, unless client or key do.

The answers and the error tree are in ``serve_app/answers.py``, the requests in ``serve_app/calls.py``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Self, TypeVar, Unpack

import httpx

from agent.loops import LoopSettings
from serve_app import calls
from serve_app.answers import (
    Key,
    LogDeleted,
    LoopVersion,
    Slate,
    SlateloopError,
    Snapshot,
    Status,
)
from serve_app.calls import Actions, Ask, Call, Features, Feedback, Scope, SlateAsk, Told
from serve_app.client_memory import AskedOf
from serve_app.retries import Backoff, Outcome, talk

T = TypeVar("T")


class Client:
    """Slateloop over HTTP, for ordinary code; one client may be shared by threads.

    Args:
        loop: Meant by every call that names none, but for feedback on events that another was asked for; None leaves
            it to the key.
        timeout_s: For one attempt.
        transport: For tests, or for proxies and sockets that httpx knows.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        loop: str | None = None,
        timeout_s: float = 10.0,
        backoff: Backoff | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.loop = loop
        self._asked_of = AskedOf()
        self._backoff = backoff or Backoff()
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers=_headers(key), timeout=timeout_s, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """Send any call of ``serve_app.calls``.

        Raises:
            SlateloopError: as ``serve_app/answers.py`` draws them.
        """
        course = talk(call, str(self._http.base_url), self._backoff)
        pause_s = next(course)
        while True:
            time.sleep(pause_s)
            outcome: Outcome
            try:
                outcome = self._http.request(call.method, call.path, json=call.body, content=call.content)
            except httpx.TransportError as error:
                outcome = error
            try:
                pause_s = course.send(outcome)
            except StopIteration as end:
                answer: T = end.value
                return answer

    def choose(self, actions: Actions, **ask: Unpack[Ask]) -> Slate:
        """Ask which actions to show, in order; ``calls.Ask`` lists what else may be said."""
        call = calls.choose(actions, ask, loop=self.loop)
        self._asked_of.note([call.body])
        return self.send(call)

    def choose_many(self, asks: Iterable[SlateAsk]) -> list[Slate | SlateloopError]:
        """Ask for several slates in one request; a wrong one becomes an error in its place."""
        call = calls.choose_many(asks, loop=self.loop)
        self._asked_of.note(call.body["requests"])
        return self.send(call)

    def reward(self, event_id: str, value: float, **told: Unpack[Told]) -> int:
        """Report what happened to one slot; ``calls.Told`` lists what else may be said.

        Without ``loop`` it goes to the loop that this client asked for the event's slate, as long as it remembers.
        """
        return self.rewards([_feedback(event_id, value, told)])

    def rewards(self, feedback: Iterable[Feedback]) -> int:
        """Report several rewards in one request, none for none, each as ``reward``; answers how many were accepted."""
        told = [_placed(one, self._asked_of) for one in feedback]
        return self.send(calls.rewards(told, loop=self.loop)) if told else 0

    def reward_slate(self, event_id: str, values: Sequence[float], *, loop: str | None = None) -> int:
        """Report one reward for each slot, in slot order."""
        return self.rewards(_each_slot(event_id, values, loop))

    def activate(self, event_id: str, *, loop: str | None = None) -> None:
        """Say that a deferred decision was really shown."""
        named = loop or self._asked_of.loop_of(event_id) or self.loop
        self.send(calls.activate(event_id, loop=named))

    def end_session(self, session: str, *, loop: str | None = None) -> None:
        """Say that a visit is over, to the loop named, else to that of its latest slate, else to the client's own."""
        self.send(calls.end_session(session, loop=loop or self._asked_of.loop_of_session(session) or self.loop))

    def put_items(self, items: Mapping[str, Features], *, loop: str) -> None:
        """Keep items and their features, so that actions may be named by id alone."""
        self.send(calls.put_items(items, loop=loop))

    def put_agent(self, loop: str, data: bytes) -> str:
        """Keep a trained agent, so that the loop may begin with it; answers what ``policy.start`` is to be."""
        return self.send(calls.put_agent(loop, data))

    def status(self, loop: str) -> Status:
        """What a loop has learned, from how much and how late."""
        return self.send(calls.status(loop))

    def loop_names(self) -> list[str]:
        """Every loop's name."""
        return self.send(calls.loop_names())

    def settings(self, loop: str) -> LoopVersion:
        """A loop's settings as they are now."""
        return self.send(calls.settings(loop))

    def apply_settings(self, loop: str, settings: LoopSettings) -> LoopVersion:
        """Store settings; a new version only if they differ."""
        return self.send(calls.apply_settings(loop, settings))

    def versions(self, loop: str) -> list[LoopVersion]:
        """Every version of a loop's settings."""
        return self.send(calls.versions(loop))

    def snapshots(self, loop: str) -> list[Snapshot]:
        """The snapshots that a loop can be rolled back to."""
        return self.send(calls.snapshots(loop))

    def roll_back(self, loop: str, version: str) -> None:
        """Serve a kept snapshot again, until released."""
        self.send(calls.roll_back(loop, version))

    def release(self, loop: str) -> None:
        """End a rollback."""
        self.send(calls.release(loop))

    def delete_log(self, loop: str) -> LogDeleted:
        """Delete the recorded past: all that no learner needs any more; the model stays."""
        return self.send(calls.delete_log(loop))

    def keys(self) -> list[Key]:
        """Every API key's record, without secrets."""
        return self.send(calls.keys())

    def create_key(self, scopes: Sequence[Scope], *, loop: str | None = None, name: str = "") -> Key:
        """Make an API key; its secret is in this answer and never again."""
        return self.send(calls.create_key(scopes, loop=loop, name=name))

    def revoke_key(self, key_id: str) -> None:
        """End an API key at once."""
        self.send(calls.revoke_key(key_id))


class AsyncClient:
    """Slateloop over HTTP, for asyncio: what an application's request handlers call; ``send`` takes every other call.

    Args:
        loop: Meant by every call that names none, but for feedback on events that another was asked for; None leaves
            it to the key.
        timeout_s: For one attempt.
        transport: For tests, or for proxies and sockets that httpx knows.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        loop: str | None = None,
        timeout_s: float = 10.0,
        backoff: Backoff | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.loop = loop
        self._asked_of = AskedOf()
        self._backoff = backoff or Backoff()
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), headers=_headers(key), timeout=timeout_s, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send any call of ``serve_app.calls``.

        Raises:
            SlateloopError: as ``serve_app/answers.py`` draws them.
        """
        course = talk(call, str(self._http.base_url), self._backoff)
        pause_s = next(course)
        while True:
            await asyncio.sleep(pause_s)
            outcome: Outcome
            try:
                outcome = await self._http.request(call.method, call.path, json=call.body, content=call.content)
            except httpx.TransportError as error:
                outcome = error
            try:
                pause_s = course.send(outcome)
            except StopIteration as end:
                answer: T = end.value
                return answer

    async def choose(self, actions: Actions, **ask: Unpack[Ask]) -> Slate:
        """As ``Client.choose``."""
        call = calls.choose(actions, ask, loop=self.loop)
        self._asked_of.note([call.body])
        return await self.send(call)

    async def choose_many(self, asks: Iterable[SlateAsk]) -> list[Slate | SlateloopError]:
        """As ``Client.choose_many``."""
        call = calls.choose_many(asks, loop=self.loop)
        self._asked_of.note(call.body["requests"])
        return await self.send(call)

    async def reward(self, event_id: str, value: float, **told: Unpack[Told]) -> int:
        """As ``Client.reward``."""
        return await self.rewards([_feedback(event_id, value, told)])

    async def rewards(self, feedback: Iterable[Feedback]) -> int:
        """As ``Client.rewards``."""
        told = [_placed(one, self._asked_of) for one in feedback]
        return await self.send(calls.rewards(told, loop=self.loop)) if told else 0

    async def reward_slate(self, event_id: str, values: Sequence[float], *, loop: str | None = None) -> int:
        """As ``Client.reward_slate``."""
        return await self.rewards(_each_slot(event_id, values, loop))

    async def activate(self, event_id: str, *, loop: str | None = None) -> None:
        """As ``Client.activate``."""
        named = loop or self._asked_of.loop_of(event_id) or self.loop
        await self.send(calls.activate(event_id, loop=named))

    async def end_session(self, session: str, *, loop: str | None = None) -> None:
        """As ``Client.end_session``."""
        await self.send(calls.end_session(session, loop=loop or self._asked_of.loop_of_session(session) or self.loop))

    async def put_items(self, items: Mapping[str, Features], *, loop: str) -> None:
        """As ``Client.put_items``."""
        await self.send(calls.put_items(items, loop=loop))

    async def status(self, loop: str) -> Status:
        """As ``Client.status``."""
        return await self.send(calls.status(loop))


def _headers(key: str) -> dict[str, str]:
    """The second header spares the service a task for each request: this client never hangs up half-way on purpose."""
    return {"Authorization": f"Bearer {key}", "x-request-disconnect-disabled": "?1"}


def _feedback(event_id: str, value: float, told: Told) -> Feedback:
    return {"event_id": event_id, "value": value, **told}


def _placed(feedback: Feedback, asked_of: AskedOf) -> Feedback:
    """With the loop of its event, where it names none and that is remembered."""
    return {**feedback, "loop": feedback.get("loop") or asked_of.loop_of(feedback.get("event_id", ""))}


def _each_slot(event_id: str, values: Sequence[float], loop: str | None) -> list[Feedback]:
    named: Told = {} if loop is None else {"loop": loop}
    return [_feedback(event_id, value, {"slot": slot, **named}) for slot, value in enumerate(values)]
