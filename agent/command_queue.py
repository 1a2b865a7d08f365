"""Many waiters, one connection: commands that arrive while another flush is under way leave together in the next.

In: single commands from any number of tasks of one event loop. Out: each one's own answer, or its own error.
A flush is sent as soon as the one before has been answered, so a lone caller waits for nobody. Nothing is ever sent
twice: when a flush fails, nobody can know what of it was done, and every waiter is told so.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis
import redis.asyncio
from redis.asyncio.connection import AbstractConnection

from agent.connection import TIMEOUT_S, never_repeating

PATIENCE_S = 2.0
"""For so long after a connection was lost, waiters are kept while the server restarts; later they fail at once."""

_N_FLUSHED = 512
_N_WAITING = 20_000

_TROUBLE = (redis.RedisError, OSError, TimeoutError)

Command = tuple[bytes | str | int, ...]
"""Name and arguments."""

_pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment]  # its stub knows 1-tuples only

_Waiter = tuple["asyncio.Future[Any]", Callable[[], Command]]


class LogUnavailable(RuntimeError):  # noqa: N818 - says what is wrong, and callers know it by this name
    """The datastore did not confirm a command: it is down, too slow, full, or refuses; what was sent may be stored."""


@dataclass(frozen=True)
class Script:
    """A Lua script and the digest by which servers know it."""

    source: str
    sha: str

    @classmethod
    def of(cls, source: str) -> Script:
        """Name a script."""
        return cls(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


class CommandQueue:
    """One connection shared by all tasks of one event loop.

    Attributes:
        n_connections: How often it has connected; whatever was remembered about the server before may be gone.
    """

    def __init__(
        self, client: redis.asyncio.Redis, *, scripts: Sequence[Script] = (), timeout_s: float = TIMEOUT_S
    ) -> None:
        """Nothing is connected before ``open``.

        Args:
            client: Only its address and credentials are used.
            scripts: Which ``EVALSHA`` calls to repeat by ``EVAL`` when the server has forgotten them.
            timeout_s: For one flush, from the first byte sent to the last answer read.
        """
        self.n_connections = 0
        self._connection = never_repeating(client)
        self._scripts = {script.sha: script.source for script in scripts}
        self._timeout_s = timeout_s
        self._waiting: list[_Waiter] = []
        self._flusher: asyncio.Task[None] | None = None
        self._patient_until = -math.inf
        self._is_open = False

    async def open(self) -> None:
        """Connect, for the running event loop.

        Raises:
            LogUnavailable: if the server can't be reached.
        """
        self._is_open = True
        await self.send(lambda: ("PING",))

    async def close(self) -> None:
        """Let what is under way finish, refuse what comes, disconnect."""
        self._is_open = False
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
        await self._connection.disconnect()

    async def send(self, make: Callable[[], Command]) -> Any:
        """Send one command and wait for its raw answer.

        Args:
            make: Builds the command at the moment of sending, when ``n_connections`` is already what it will be.

        Raises:
            LogUnavailable: if the answer did not come, or is an error.
        """
        if not self._is_open:
            raise LogUnavailable("the event log is not open")
        if len(self._waiting) >= _N_WAITING:
            raise LogUnavailable(f"{_N_WAITING} commands are waiting already: the datastore is too slow")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((future, make))
        if self._flusher is None:
            self._flusher = loop.create_task(self._flush_all())
        return await future

    async def _flush_all(self) -> None:
        batch: list[_Waiter] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_N_FLUSHED], self._waiting[_N_FLUSHED:]
                await self._flush(batch)
        except BaseException:
            _fail([*batch, *self._waiting], "the event log was interrupted")
            self._waiting = []
            raise
        finally:
            self._flusher = None

    async def _flush(self, batch: list[_Waiter]) -> None:
        """Send one batch; whatever goes wrong ends at its waiters."""
        try:
            await self._ensure_connected()
        except _TROUBLE as error:
            _fail(batch, f"the datastore is not reachable, nothing was sent: {error}")
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self._exchange([make() for _, make in batch])
        except TimeoutError:
            await self._lost()
            _fail(batch, f"the datastore did not answer within {self._timeout_s:g} s")
        except _TROUBLE as error:
            await self._lost()
            _fail(batch, f"the datastore was lost before it answered: {error}")
        else:
            _deliver(batch, answers)

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        """Answers in order, errors among them; what a server refused for a lost script is repeated by EVAL."""
        answers = await _exchange(self._connection, commands)
        lost = [i for i, answer in enumerate(answers) if isinstance(answer, redis.exceptions.NoScriptError)]
        if lost:
            again = [_by_source(commands[i], self._scripts) for i in lost]
            for i, answer in zip(lost, await _exchange(self._connection, again), strict=True):
                answers[i] = answer
        return answers

    async def _ensure_connected(self) -> None:
        """Connect anew if the server has hung up; while patient, wait for it to come back."""
        connection = self._connection
        if connection.is_connected:
            if not await connection.can_read():
                return
            await self._lost()
        pause_s = 0.01
        while True:
            try:
                return await self._connect()
            except _TROUBLE:
                await connection.disconnect(nowait=True)
                if asyncio.get_running_loop().time() > self._patient_until:
                    raise
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 0.2)

    async def _connect(self) -> None:
        async with asyncio.timeout(self._timeout_s):
            connection: Any = self._connection
            await connection.connect()
            await connection.send_command("PING")  # a server that is still loading refuses it
            await connection.read_response()
        self.n_connections += 1

    async def _lost(self) -> None:
        """A connection that had worked is gone; the server may be back in a moment."""
        await self._connection.disconnect(nowait=True)
        self._patient_until = asyncio.get_running_loop().time() + PATIENCE_S


async def _exchange(connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
    packed = b"".join([_pack(command) for command in commands])
    await connection.send_packed_command([packed], check_health=False)
    return [await _answer(connection) for _ in commands]


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(timeout=math.inf, disable_decoding=True)
    except redis.ResponseError as error:
        return error


def _by_source(command: Command, scripts: Mapping[str, str]) -> Command:
    return ("EVAL", scripts[str(command[1])], *command[2:])


def _deliver(batch: Sequence[_Waiter], answers: Sequence[Any]) -> None:
    for (future, _), answer in zip(batch, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, redis.ResponseError):
            future.set_exception(LogUnavailable(_plain(answer)))
        else:
            future.set_result(answer)


def _fail(batch: Sequence[_Waiter], reason: str) -> None:
    for future, _ in batch:
        if not future.done():
            future.set_exception(LogUnavailable(reason))


def _plain(error: redis.ResponseError) -> str:
    """What a refusal means for the person who runs the service."""
    if "OOM" in str(error) or isinstance(error, redis.exceptions.OutOfMemoryError):
        return "the datastore is full (its maxmemory is reached), nothing was stored: raise maxmemory or free memory"
    if isinstance(error, redis.exceptions.ReadOnlyError):
        return "the datastore is a read-only replica, nothing was stored: give the address of the primary"
    return f"the datastore refused, nothing was stored: {error}"
