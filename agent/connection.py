"""Clients for the datastore: how long they wait, and what they repeat.

In: a URL. Out: a redis-py client whose timeouts and retries are stated here and nowhere else.
A command is repeated for about two seconds after a lost connection, so that a restarted server is not noticed;
whatever must not happen twice goes through ``once`` or the event log, which never repeat.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import redis.asyncio.retry
from redis.asyncio.connection import AbstractConnection
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

TIMEOUT_S = 5.0
"""How long one command may take before the client gives up."""

_N_RETRIES = 8
_BACKOFF = ExponentialBackoff(cap=0.4, base=0.01)  # .02 .04 .08 .16 .32 .4 .4 .4: 1.8 s in all


class DatastoreError(RuntimeError):
    """The datastore can't be used; the message names what was tried and the cure."""


def connect(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """A blocking client; nothing is sent before its first command.

    Lost connections (never timeouts) are retried, so use it for what may safely happen twice. Answers are bytes.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        timeout_s: For connecting and for each answer.

    Raises:
        DatastoreError: if the URL is none of these.
    """
    retry = Retry(_BACKOFF, _N_RETRIES, supported_errors=(redis.ConnectionError,))
    try:
        return redis.Redis.from_url(url, **_options(url, timeout_s), retry=retry)
    except (ValueError, TypeError):
        raise _bad_url(url) from None


def connect_async(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.asyncio.Redis:
    """An asyncio client, as ``connect``; it belongs to the event loop that first uses it.

    Raises:
        DatastoreError: if the URL is not one of a Redis server.
    """
    retry = redis.asyncio.retry.Retry(_BACKOFF, _N_RETRIES, supported_errors=(redis.ConnectionError,))
    try:
        return redis.asyncio.Redis.from_url(url, **_options(url, timeout_s), retry=retry)
    except (ValueError, TypeError):
        raise _bad_url(url) from None


def once(client: redis.Redis, *arguments: Any) -> Any:
    """Send one command that must not happen twice: it may reconnect before sending, and is never repeated after.

    Args:
        client: From ``connect``.
        arguments: The command's name and arguments.

    Raises:
        redis.RedisError: whatever went wrong; after a lost connection the command may or may not have happened.
    """
    connection: Any = client.connection_pool.get_connection()
    try:
        connection.send_command(*arguments)
        return connection.read_response()
    except (redis.ConnectionError, redis.TimeoutError):
        connection.disconnect()
        raise
    finally:
        client.connection_pool.release(connection)


def never_repeating(client: redis.asyncio.Redis) -> AbstractConnection:
    """A connection of its own with the client's address and credentials that repeats nothing by itself.

    It has no timeout of its own for answers: the caller sets one for a whole exchange.
    """
    pool: Any = client.connection_pool
    connection: AbstractConnection = pool.make_connection()
    connection.retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
    connection.socket_timeout = None
    return connection


def without_password(url: str) -> str:
    """The URL as it may be shown: a password is replaced by stars."""
    return re.sub(r"//([^:/@]*):.*@", r"//\1:***@", url).partition("?")[0]


def _options(url: str, timeout_s: float) -> Mapping[str, Any]:
    """Client options, the same for both kinds; maintenance handshakes are of no use to one server."""
    options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    if not url.startswith("unix:"):
        options["maint_notifications_config"] = MaintNotificationsConfig(enabled=False)
    return options


def _bad_url(url: str) -> DatastoreError:
    """Without the parser's own words, which may quote a part of the password."""
    return DatastoreError(
        f"SLATELOOP_REDIS_URL={without_password(url)} is not the URL of a Redis server; write "
        "redis://[:PASSWORD@]HOST:PORT/0, rediss://… for TLS, or unix:///PATH/redis.sock, with special characters in "
        "the password percent-encoded"
    )
