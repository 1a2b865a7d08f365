"""A trained agent put into a loop of a running service: kept there, then named in the loop's settings.

In: the agent's packed bytes, and a client of the service. Out: what the loop's settings are now. The loop's learner
begins with the agent and learns on from its log; until it has caught up, what was served before goes on serving.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agent.loops import FeedbackRule, LoopSettings, PolicySettings
from agent.starts import unpack
from envs.world import World
from simulator.env_users import loop_settings
from simulator.policy_starts import require_fit


class Stored(Protocol):
    """A loop's settings as a service keeps them."""

    @property
    def version(self) -> int:
        """Counts from 1."""
        ...

    @property
    def settings(self) -> LoopSettings:
        """All of them."""
        ...


class Publisher(Protocol):
    """A running service, as an administrator."""

    def loop_names(self) -> list[str]:
        """Every loop."""
        ...

    def settings(self, loop: str) -> Stored:
        """A loop's settings."""
        ...

    def put_agent(self, loop: str, data: bytes) -> str:
        """Keep an agent; answers its address."""
        ...

    def apply_settings(self, loop: str, settings: LoopSettings) -> Stored:
        """Put settings in force."""
        ...


@dataclass(frozen=True, slots=True)
class Published:
    """What was done.

    Attributes:
        version: Of the loop's settings now.
        start: Address of the agent.
        is_new: The loop didn't exist.
        warnings: What of the loop doesn't suit the agent.
    """

    loop: str
    version: int
    kind: str
    start: str
    is_new: bool
    warnings: tuple[str, ...]


def publish(
    service: Publisher, loop: str, data: bytes, *, world: World, options: Mapping[str, Any] | None = None
) -> Published:
    """Let a loop begin with an agent; all else of its settings stays.

    Args:
        service: Where.
        loop: Made, with the world's rewards, where it doesn't exist.
        data: From ``agent.starts.pack``.
        world: The one it was trained in; it is walked through, so it must be nobody else's.
        options: Of the agent, as it was trained with.

    Raises:
        StartError: if the bytes are no agent, or it was trained with features that the world hasn't.
    """
    start = unpack(data)
    require_fit(start, world, name="the agent")
    is_new = loop not in service.loop_names()
    address = service.put_agent(loop, data)
    policy = PolicySettings(kind=start.kind, options=dict(options or {}), start=address)
    before = _new(world) if is_new else service.settings(loop).settings
    wanted = before.model_copy(update={"policy": policy})
    stored = service.apply_settings(loop, wanted)
    unsuited = unsuited_to(wanted, (start.reward_min, start.reward_max), world)
    return Published(loop, stored.version, start.kind, address, is_new, tuple(unsuited))


def unsuited_to(settings: LoopSettings, trained: tuple[float, float], world: World) -> Iterator[str]:
    """What of a loop's rewards doesn't suit an agent.

    Args:
        settings: Of the loop.
        trained: Least and greatest reward that the agent was trained with.
        world: The one it was trained in.
    """
    reward = settings.reward
    if reward.min > trained[0] or reward.max < trained[1]:
        yield (
            f"the loop's rewards are cut to {reward.min:g} … {reward.max:g}, the agent was trained with "
            f"{trained[0]:g} … {trained[1]:g}; set reward.min and reward.max"
        )
    unknown = sorted(set(world.recipe) - set(reward.recipe))
    if unknown:
        rules = ", ".join(f"{kind}: {_rule(world.recipe[kind])}" for kind in unknown)
        them = "it is" if len(unknown) == 1 else "they are"
        yield (
            f"the loop's recipe weighs nothing of {', '.join(unknown)}, which the agent was trained on; add "
            f"`{rules}` to reward.recipe, else {them} not learned"
        )


def _rule(weight: float) -> str:
    """Of a recipe, as it is written in settings; a rule's own weight is 1."""
    return "{}" if weight == FeedbackRule().weight else f"{{weight: {weight:g}}}"


def _new(world: World) -> LoopSettings:
    """The world's rewards, and people's time to earn them: simulated users answer at once."""
    usual = LoopSettings()
    return loop_settings(world, window_s=usual.reward.window_s, variants=usual.variants)
