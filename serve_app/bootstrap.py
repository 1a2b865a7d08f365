"""What must be in the datastore before anyone is served: the default loop, a signing key, an admin key."""

from __future__ import annotations

import time

from redis import Redis

from agent.loop_store import LoopStore
from serve_app.auth import KeyStore
from serve_app.tokens import load_signer


def prepare(redis: Redis, admin_key: str | None) -> str | None:
    """Make what is missing; changes nothing the second time.

    Args:
        redis: A sync client.
        admin_key: The admin key that the settings prescribe, if any.

    Returns:
        The first admin key if it was made just now; it can't be had again.
    """
    LoopStore(redis).ensure_default()
    load_signer(redis)
    return KeyStore(redis).ensure_admin(admin_key, now_ms=time.time_ns() // 1_000_000)
