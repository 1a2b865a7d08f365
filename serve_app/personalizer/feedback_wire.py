"""Reward bodies of the dialects, as records for the log.

In: the body of a reward or multi-slot reward call, and the client's request id. Out: one or several ``Reward``: a
retry, which carries the same request id, names the same ``reward_id`` and so counts once.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import Annotated

import msgspec

from agent.loops import RewardSettings
from agent.records import Reward
from serve_app.personalizer.errors import AzureError
from serve_app.reading import Reader
from serve_app.wire import Id

LARGEST = 1.0
"""Rewards lie in [-1, 1], or in the loop's own range where that is wider."""


N_MOST = 100
"""Rewards in one call: as many as a slate has slots at most."""


class RewardBody(msgspec.Struct, frozen=True):
    """What happened."""

    value: float


class SlotReward(msgspec.Struct, frozen=True, rename="camel"):
    """What happened in one slot."""

    slot_id: Id
    value: float


class SlotRewardsBody(msgspec.Struct, frozen=True):
    """What happened in some of the slots."""

    reward: Annotated[list[SlotReward], msgspec.Meta(max_length=N_MOST)]


_read_reward: Reader[RewardBody] = Reader(RewardBody)
_read_slot_rewards: Reader[SlotRewardsBody] = Reader(SlotRewardsBody)


def reward(body: bytes, event_id: str, request_id: str, *, settings: RewardSettings, clock_ms: int) -> list[Reward]:
    """The record of a single-slot reward.

    Raises:
        AzureError: the value is out of range.
        RequestError: the body is no reward.
    """
    value = _checked(_read_reward.read(body).value, "value", settings)
    return [Reward(event_id, clock_ms, value, reward_id=_reward_id(request_id, ""))]


def slot_rewards(
    body: bytes, event_id: str, request_id: str, *, settings: RewardSettings, clock_ms: int
) -> list[Reward]:
    """The records of a multi-slot reward, one a slot; errors as of ``reward``."""
    told = _read_slot_rewards.read(body).reward
    if not told:
        raise AzureError(
            400, "InvalidRewardRequest", "Invalid reward request. Name at least one slot.", target="reward"
        )
    return [
        Reward(
            event_id,
            clock_ms,
            _checked(one.value, f"reward[{place}].value", settings),
            slot=one.slot_id,
            reward_id=_reward_id(request_id, one.slot_id),
        )
        for place, one in enumerate(told)
    ]


def _reward_id(request_id: str, slot: str) -> str | None:
    """Names this piece of feedback; None where the client gives its requests no id."""
    if not request_id:
        return None
    return "x-" + blake2b(f"{request_id}\0{slot}".encode(), digest_size=16).hexdigest()


def _checked(value: float, target: str, settings: RewardSettings) -> float:
    low, high = min(-LARGEST, settings.min), max(LARGEST, settings.max)
    if not (math.isfinite(value) and low <= value <= high):
        message = f"Invalid reward request. The value must lie in [{low:g}, {high:g}]."
        raise AzureError(400, "InvalidRewardRequest", message, target=target)
    return value
