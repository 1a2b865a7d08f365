"""Signed event ids: which loop an event belongs to, in a form nobody else can make.

``sl1.<signing key id>.<loop>.<random>.<mac>``: 96 random bits, and the first 128 bits of an HMAC-SHA256 over all
before it. In: the signing keys from Redis. Out: fresh ids for decisions; the verified loop of an id that comes back.
"""

from __future__ import annotations

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import cast

from redis import Redis

from agent import keys
from serve_app.errors import ForbiddenError, UnprocessableError, shown

PREFIX = "sl1."
CLIENT_ID_CHARS = 256
SIGNED_ID_CHARS = 160
"""Longest id we make: prefix, key id, a 64-character loop name, 16 + 22 characters of random part and mac."""

N_RANDOM_BYTES = 12
N_MAC_BYTES = 16
_POOL_BYTES = N_RANDOM_BYTES * 256
_CURRENT = "current"
KEYS_CHANGED = "keys"
"""Published on ``keys.CHANGES`` when an API key or a signing key changed."""


class Signer:
    """Makes and verifies event ids with a fixed set of signing keys; rebuilt when the set changes.

    Args:
        secrets_by_id: Signing key id → 32 secret bytes; every key verifies.
        current: Id of the key that signs.
    """

    def __init__(self, secrets_by_id: Mapping[str, bytes], *, current: str) -> None:
        self._secrets = dict(secrets_by_id)
        self._current = current
        self._secret = self._secrets[current]
        self._pool = b""
        self._at = _POOL_BYTES

    def make(self, loop: str) -> str:
        """A fresh id for an event of this loop."""
        return self._signed(loop, self._random())

    def make_again(self, loop: str, of: bytes) -> str:
        """The id of an event of this loop that follows from what is asked: asked again, it is the same."""
        digest = hmac.digest(self._secret, of, "sha256")[:N_RANDOM_BYTES]
        return self._signed(loop, urlsafe_b64encode(digest).decode())

    def _signed(self, loop: str, random: str) -> str:
        body = f"{PREFIX}{self._current}.{loop}.{random}"
        return f"{body}.{_mac(self._secret, body)}"

    def loop_of(self, event_id: str) -> str | None:
        """The loop a signed id belongs to; None for an id that the client chose.

        Raises:
            ForbiddenError: the id claims to be signed and isn't by any of our keys.
        """
        if not event_id.startswith(PREFIX):
            return None
        body, _, mac = event_id.rpartition(".")
        parts = body.split(".", 2)
        secret = self._secrets.get(parts[1]) if len(parts) == 3 else None
        loop = parts[2].rpartition(".")[0] if secret is not None else ""
        if secret is None or not loop or not event_id.isascii() or not _same(mac, _mac(secret, body)):
            raise ForbiddenError(
                "the event id's signature is not one of this service's",
                field="event_id",
                value=shown(event_id),
                cure="send the event_id exactly as the slate's answer gave it",
            )
        return loop

    def _random(self) -> str:
        if self._at >= _POOL_BYTES:
            self._pool, self._at = os.urandom(_POOL_BYTES), 0
        start, self._at = self._at, self._at + N_RANDOM_BYTES
        return urlsafe_b64encode(self._pool[start : self._at]).decode()


def check_client_id(event_id: str) -> None:
    """Refuse an event id that a client may not choose.

    Raises:
        UnprocessableError: it starts like a signed id.
    """
    if event_id.startswith(PREFIX):
        raise UnprocessableError(
            f"event ids that start with {PREFIX} are made by the service",
            field="event_id",
            value=shown(event_id),
            cure="choose another id, or leave event_id out",
        )


def load_signer(redis: Redis) -> Signer:
    """The signer over the keys in Redis; makes the first key if there is none (racing starters agree on one)."""
    if not redis.hexists(keys.SIGNING_KEYS, _CURRENT):
        fresh = _store_new(redis)
        if not redis.hsetnx(keys.SIGNING_KEYS, _CURRENT, fresh):
            redis.hdel(keys.SIGNING_KEYS, fresh)
    return signer_from(cast("dict[bytes, bytes]", redis.hgetall(keys.SIGNING_KEYS)))


def rotate(redis: Redis) -> Signer:
    """Sign with a new key from now on; ids signed by the older keys stay valid."""
    redis.hset(keys.SIGNING_KEYS, _CURRENT, _store_new(redis))
    redis.publish(keys.CHANGES, KEYS_CHANGED)
    return signer_from(cast("dict[bytes, bytes]", redis.hgetall(keys.SIGNING_KEYS)))


def signer_from(stored: Mapping[bytes, bytes]) -> Signer:
    """The signer over the fields of ``keys.SIGNING_KEYS`` as read."""
    secrets_by_id = {key.decode(): value for key, value in stored.items() if key != _CURRENT.encode()}
    return Signer(secrets_by_id, current=stored[_CURRENT.encode()].decode())


def _store_new(redis: Redis) -> str:
    key_id = _new_id()
    redis.hset(keys.SIGNING_KEYS, key_id, secrets.token_bytes(32))
    return key_id


def _new_id() -> str:
    return secrets.token_hex(3)


def _mac(secret: bytes, body: str) -> str:
    digest = hmac.digest(secret, body.encode(), "sha256")[:N_MAC_BYTES]
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _same(mac: str, wanted: str) -> bool:
    return hmac.compare_digest(mac.encode(), wanted.encode())
