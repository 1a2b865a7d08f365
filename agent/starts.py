"""Starts: what a loop's learner begins with instead of nothing, an agent that was trained elsewhere.

In: the bytes of a trained agent, checked before they are kept. Out: their address, which a loop's settings name in
``policy.start``; and the agent again, for the learner of the lineage that begins with it.

Bytes that no settings name vanish after a day; those that some version names are kept, so that it can be learned again.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import redis

from agent import keys
from agent.arms import probe
from agent.loops import LoopSettings
from agent.sealed import SealError, seal, unseal
from policies.base import PolicyError
from policies.neural.dense import DenseEncoder
from policies.registry import make_policy

SCHEME = "sha256:"
UNNAMED_S = 86_400
"""A start that no settings name vanishes after so long."""

_KIND = b"SLST1"
_ANY_VERSION = b"SLST"


class StartError(ValueError):
    """Bytes are no agent that this release can begin with, or none are kept; the message names the cure."""


class Start(msgspec.Struct, frozen=True):
    """A trained agent.

    Attributes:
        kind: Its kind, as in the registry.
        snapshot: All that serving needs.
        learnable: All that learning on needs, for ``policies.registry.start_learner``.
        reward_min: Least reward that it was trained with.
        reward_max: Greatest.
    """

    kind: str
    snapshot: bytes
    learnable: bytes
    reward_min: float
    reward_max: float


def pack(start: Start) -> bytes:
    """Bytes of a start, with their checksum; equal agents, equal bytes."""
    return seal(_encoder.encode(start), _KIND)


def unpack(data: bytes) -> Start:
    """The start of packed bytes; whether it serves is another question, see ``checked``.

    Raises:
        StartError: if they are something else, not whole, or of another release's format.
    """
    if data.startswith(_ANY_VERSION) and not data.startswith(_KIND):
        found = data[: len(_KIND)].decode("ascii", "replace")
        raise StartError(f"a trained agent of format {found}; this release reads {_KIND.decode()}: train it anew")
    try:
        return _decoder.decode(unseal(data, _KIND))
    except (SealError, msgspec.MsgspecError) as error:
        raise StartError(f"not a trained agent: {error}; send a file that `slateloop train` wrote, whole") from error


def checked(data: bytes) -> Start:
    """The start of packed bytes, after its policy was loaded and has answered.

    Raises:
        StartError: if it isn't one, or its snapshot can't be served by this release.
    """
    start = unpack(data)
    try:
        if encoder_of(start) is None:
            raise PolicyError(f"kind {start.kind!r:.40} is not trained in worlds")
        probe(_policy(start))
    except PolicyError as error:
        raise StartError(f"this agent can't be served here: {error}; train it anew with this release") from error
    return start


def encoder_of(start: Start) -> DenseEncoder | None:
    """What it sees of contexts and actions; None for a policy that isn't trained in worlds.

    Raises:
        PolicyError: if its snapshot can't be loaded.
    """
    found = getattr(_policy(start), "encoder", None)
    return found if isinstance(found, DenseEncoder) else None


def address_of(data: bytes) -> str:
    """What settings call these bytes."""
    return SCHEME + hashlib.sha256(data).hexdigest()


class StartStore:
    """The starts of one loop."""

    def __init__(self, client: redis.Redis, loop: str) -> None:
        self._client, self._loop = client, loop

    def put(self, data: bytes) -> str:
        """Keep checked bytes, and answer their address; the same bytes twice are kept once."""
        address = address_of(data)
        key = keys.start(self._loop, address)
        self._client.set(key, data, nx=True, ex=UNNAMED_S)
        self._client.expire(key, UNNAMED_S, gt=True)
        return address

    def named_by(self, settings: LoopSettings) -> Start | None:
        """What these settings begin with; None where they begin with nothing.

        Raises:
            StartError: if it isn't kept, or broken.
        """
        return self.load(settings.policy.start) if settings.policy.start else None

    def load(self, address: str) -> Start:
        """A kept start.

        Raises:
            StartError: if it isn't kept, or broken.
        """
        data: Any = self._client.get(keys.start(self._loop, address))
        if data is None:
            raise StartError(f"policy.start={address}: loop {self._loop} keeps no such agent; publish it again")
        if address_of(data) != address:
            raise StartError(f"policy.start={address}: the kept bytes are others; publish the agent again")
        return unpack(data)


def _policy(start: Start) -> Any:
    return make_policy(start.kind, {}, start.snapshot, reward_range=(start.reward_min, start.reward_max))


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Start)
