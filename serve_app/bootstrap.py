"""What must be in the datastore: the default loop, a signing key, an admin key.

In: a client and the admin key of the settings. Out: what ``prepare`` makes before anyone is served; and the first admin
key, made only once the service is ready, since nobody would see the key of a start that fails.
"""

from __future__ import annotations

import time

from redis import Redis

from agent.loop_store import LoopStore
from serve_app.auth import KeyStore
from serve_app.tokens import load_signer


def prepare(redis: Redis, admin_key: str | None) -> None:
    """Make what is missing; changes nothing the second time.

    Args:
        redis: A sync client.
        admin_key: The admin key that the settings prescribe, if any; one that they prescribed before ends.
    """
    LoopStore(redis).ensure_default()
    load_signer(redis)
    KeyStore(redis).prescribe(admin_key, now_ms=_now_ms())


def first_admin_key(redis: Redis) -> str | None:
    """Make an admin key unless there is one; replicas hear of it.

    Returns:
        The key if it was made just now; it can't be had again.
    """
    return KeyStore(redis).ensure_admin(now_ms=_now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
