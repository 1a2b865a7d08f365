"""Starts: what a loop's learner begins with instead of nothing, an agent that was trained elsewhere.

In: the bytes of a trained agent, checked before they are kept. Out: their address, which a loop's settings name in
``policy.start``; and the agent again, for the learner of the lineage that begins with it.

Bytes that no settings name vanish after a day; those that some version names are kept, so that it can be learned again.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec
import redis

from agent import keys
from agent.arms import probe
from agent.loops import LoopSettings
from agent.sealed import SealError, seal, unseal
from policies.base import PolicyError
from policies.neural.dense import DenseEncoder
from policies.registry import make_policy, start_problems, trained_in

SCHEME = "sha256:"
UNNAMED_S = 86_400
"""A start that no settings name vanishes after so long."""

_KIND = b"SLST1"


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
    try:
        return _decoder.decode(unseal(data, _KIND))
    except (SealError, msgspec.MsgspecError) as error:
        cure = "send a file that this release's `slateloop train` wrote, whole"
        raise StartError(f"not a trained agent that can be read: {error}; {cure}") from error


def checked(data: bytes) -> Start:
    """The start of packed bytes, after its policy was loaded and has answered, and what learns on was looked at.

    Raises:
        StartError: if it isn't one, can't be served by this release, or can't be learned on from.
    """
    start = unpack(data)
    try:
        if not (math.isfinite(start.reward_max - start.reward_min) and start.reward_min < start.reward_max):
            raise PolicyError(f"rewards from {start.reward_min} to {start.reward_max}, which must rise and be finite")
        probe(_policy(start))
    except PolicyError as error:
        raise StartError(f"no loop can begin with this agent: {error}; train it anew with this release") from error
    return start


def encoder_of(start: Start) -> DenseEncoder:
    """What it sees of contexts and actions.

    Raises:
        PolicyError: if it can't be learned on from.
    """
    return trained_in(start.kind, start.learnable)[0]


def unfit(start: Start, settings: LoopSettings) -> list[str]:
    """Why settings can't begin with an agent that is kept: each problem names field, value and cure; empty if they can.

    What their learner learns with isn't needed for this.
    """
    policy = settings.policy
    if start.kind != policy.kind:
        return [
            f"policy.kind={policy.kind}: the agent is of kind {start.kind}; set it to that, or leave policy.start out"
        ]
    try:
        _, trained_with = trained_in(start.kind, start.learnable)
    except PolicyError as error:
        return [f"policy.start={policy.start}: it can't be learned on from: {error}; publish it anew with this release"]
    return [f"policy.{problem}" for problem in start_problems(policy.kind, policy.options, trained_with)]


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
    """What serves, once it is known to see what would learn on."""
    policy: Any = make_policy(start.kind, {}, start.snapshot, reward_range=(start.reward_min, start.reward_max))
    encoder, _ = trained_in(start.kind, start.learnable)
    if policy.encoder is None or policy.encoder.to_bytes() != encoder.to_bytes():
        raise PolicyError("what serves and what learns on have been fitted on different features")
    return policy


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Start)
