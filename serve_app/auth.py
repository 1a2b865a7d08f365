"""API keys: who may decide, reward or administer, and in which loop.

A key reads ``slk_<id>_<secret>``; Redis holds only the SHA-256 digest of it. In: request headers. Out: a ``Principal``,
or the refusal that says what is missing. Replicas check against a copy in memory, refreshed on every change.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import msgspec
from redis import Redis

from agent import keys
from serve_app.errors import ForbiddenError, NotFoundError, UnauthenticatedError, UnprocessableError, shown
from serve_app.tokens import KEYS_CHANGED

Scope = Literal["decide", "reward", "admin"]
SCOPES: tuple[Scope, ...] = ("decide", "reward", "admin")

PREFIX = "slk_"
ADMIN_KEY_CHARS = 16
"""Least length of an admin key that the operator sets; ours have 256 random bits."""

_FROM_SETTINGS = "settings"


class ApiKey(msgspec.Struct, frozen=True):
    """What is stored of a key.

    Attributes:
        digest: SHA-256 of the whole key, hex; the key itself is stored nowhere.
        loop: The only loop it may touch, or None for all.
        created_at: Unix milliseconds.
        origin: ``settings`` for the admin key that SLATELOOP_ADMIN_KEY sets, else ``made``.
    """

    id: str
    digest: str
    scopes: tuple[Scope, ...]
    loop: str | None = None
    name: str = ""
    created_at: int = 0
    origin: str = "made"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a key's rights, ready to be asked."""

    id: str
    scopes: frozenset[str]
    loop: str | None

    @property
    def is_admin(self) -> bool:
        """Whether every scope is granted."""
        return "admin" in self.scopes

    @property
    def needs_signed_ids(self) -> bool:
        """Browser-safe: may only reward, and only events whose ids this service signed."""
        return "decide" not in self.scopes and "admin" not in self.scopes

    def require(self, *scopes: str) -> None:
        """Refuse unless one of the scopes, or admin, is granted.

        Raises:
            ForbiddenError: naming the scopes that would do.
        """
        if self.scopes.isdisjoint(scopes) and "admin" not in self.scopes:
            raise ForbiddenError(
                f"key {self.id} has the scopes {sorted(self.scopes)}; this needs {' or '.join(scopes)}",
                field="Authorization",
                cure="use a key with that scope; an admin key makes one with POST /v1/keys",
            )

    def require_all_loops(self) -> None:
        """Refuse a key that is bound to a loop.

        Raises:
            ForbiddenError: it is.
        """
        if self.loop is not None:
            raise ForbiddenError(
                f"key {self.id} is for the loop {self.loop} only; this tells of every loop",
                field="Authorization",
                cure="use an admin key that is not bound to a loop",
            )

    def require_loop(self, loop: str) -> None:
        """Refuse a loop that the key isn't for.

        Raises:
            ForbiddenError: the key is bound to another loop.
        """
        if self.loop is not None and loop != self.loop:
            raise ForbiddenError(
                f"key {self.id} is for the loop {self.loop} only",
                field="loop",
                value=shown(loop),
                cure=f"name the loop {self.loop}, or use a key for that loop",
            )


class KeyRing:
    """The keys in memory; replaced whole when they change."""

    def __init__(self, api_keys: Iterable[ApiKey]) -> None:
        self._by_id = {
            key.id: (bytes.fromhex(key.digest), Principal(key.id, frozenset(key.scopes), key.loop)) for key in api_keys
        }

    def __len__(self) -> int:
        return len(self._by_id)

    def identify(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal:
        """The principal whose key the request carries.

        Args:
            headers: Lower-case names, as ASGI gives them.

        Raises:
            UnauthenticatedError: no key, or no such key.
        """
        presented = presented_key(headers)
        stored = self._by_id.get(key_id_of(presented)) if presented else None
        if stored is not None and hmac.compare_digest(hashlib.sha256(presented).digest(), stored[0]):
            return stored[1]
        raise UnauthenticatedError(
            "the API key is not known" if presented else "the request carries no API key",
            field="Authorization",
            cure="send 'Authorization: Bearer KEY' or 'X-API-Key: KEY' with a key of this service",
        )


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The key in the headers, or b"" if there is none."""
    for name, value in headers:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip()
        if name == b"x-api-key":
            return value.strip()
    return b""


def key_id_of(key: bytes) -> str:
    """The id under which a key is stored: its own, or one derived from a key that an operator chose."""
    if key.startswith(PREFIX.encode()):
        key_id = key[len(PREFIX) :].partition(b"_")[0]
        return key_id.decode("ascii", "replace")
    return "set-" + hashlib.sha256(b"id:" + key).hexdigest()[:12]


class KeyStore:
    """Keys in Redis: made, listed, revoked; every change is announced.

    Args:
        redis: A sync client without decoded responses.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        stored = cast("Mapping[bytes, bytes]", self._redis.hgetall(keys.API_KEYS))
        return sorted(decode_keys(stored), key=lambda key: (key.created_at, key.id))

    def create(self, *, scopes: Iterable[Scope], loop: str | None, name: str, now_ms: int) -> tuple[ApiKey, str]:
        """Make a key.

        Returns:
            What is stored, and the key itself, which can't be had again.
        """
        key_id = secrets.token_hex(6)
        key = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
        record = ApiKey(key_id, _digest(key), tuple(scopes), loop, name, now_ms)
        self._store(record)
        return record, key

    def revoke(self, key_id: str) -> None:
        """Delete a key; it stops working within a second.

        Raises:
            NotFoundError: there is no such key.
            UnprocessableError: it is the last admin key.
        """
        stored = {key.id: key for key in self.all()}
        if key_id not in stored:
            raise NotFoundError(
                "there is no key with this id", field="id", value=shown(key_id), cure="list them with GET /v1/keys"
            )
        if [key.id for key in stored.values() if "admin" in key.scopes and key.loop is None] == [key_id]:
            raise UnprocessableError(
                "this is the last admin key", field="id", value=shown(key_id), cure="make another admin key first"
            )
        self._redis.hdel(keys.API_KEYS, key_id)
        self._redis.publish(keys.CHANGES, KEYS_CHANGED)

    def prescribe(self, chosen: str | None, *, now_ms: int) -> None:
        """Make the admin key that settings prescribe the only one of theirs.

        Args:
            chosen: The key; None where they prescribe none, and then none of before stays valid.
            now_ms: The time, for the record.
        """
        key_id = None if chosen is None else key_id_of(chosen.encode())
        if chosen is not None and key_id is not None:
            self._store(
                ApiKey(key_id, _digest(chosen), ("admin",), None, "admin key from settings", now_ms, _FROM_SETTINGS)
            )
        outdated = [key.id for key in self.all() if key.origin == _FROM_SETTINGS and key.id != key_id]
        if outdated:
            self._redis.hdel(keys.API_KEYS, *outdated)
            self._redis.publish(keys.CHANGES, KEYS_CHANGED)

    def ensure_admin(self, *, now_ms: int) -> str | None:
        """See to it that an admin key for all loops exists.

        Args:
            now_ms: The time, for the record.

        Returns:
            The first admin key if it was made just now (show it: it can't be had again), else None.
        """
        if any("admin" in key.scopes and key.loop is None for key in self.all()):
            return None
        return self.create(scopes=("admin",), loop=None, name="first admin key", now_ms=now_ms)[1]

    def _store(self, record: ApiKey) -> None:
        self._redis.hset(keys.API_KEYS, record.id, msgspec.json.encode(record).decode())
        self._redis.publish(keys.CHANGES, KEYS_CHANGED)


def decode_keys(stored: Mapping[bytes, bytes]) -> list[ApiKey]:
    """The records in ``keys.API_KEYS`` as read from Redis."""
    return [msgspec.json.decode(text, type=ApiKey) for text in stored.values()]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
