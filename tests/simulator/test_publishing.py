from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agent.loops import FeedbackRule, LoopSettings, RewardSettings
from agent.starts import StartError, address_of
from envs.presets import make_world
from simulator.env_users import loop_settings
from simulator.publishing import publish, unsuited_to
from tests.trained import AGENT_OPTIONS, OPTIONS, WORLD, packed


@dataclass
class FakeStored:
    version: int
    settings: LoopSettings


@dataclass
class FakeService:
    """Keeps what it is given."""

    loops: dict[str, FakeStored] = field(default_factory=dict)
    agents: list[tuple[str, bytes]] = field(default_factory=list)

    def loop_names(self) -> list[str]:
        return list(self.loops)

    def settings(self, loop: str) -> FakeStored:
        return self.loops[loop]

    def put_agent(self, loop: str, data: bytes) -> str:
        self.agents.append((loop, data))
        return address_of(data)

    def apply_settings(self, loop: str, settings: LoopSettings) -> FakeStored:
        version = self.loops[loop].version + 1 if loop in self.loops else 1
        self.loops[loop] = FakeStored(version, settings)
        return self.loops[loop]


def test_a_new_loop_has_the_rewards_of_the_world_and_the_usual_arms() -> None:
    service, world = FakeService(), make_world(WORLD, OPTIONS)
    found = publish(service, "new", packed("gradient"), world=world, options=AGENT_OPTIONS)
    made = service.loops["new"].settings
    assert (found.version, found.is_new, found.start) == (1, True, made.policy.start)
    assert service.agents == [("new", packed("gradient"))]
    assert (made.policy.kind, made.policy.options) == ("gradient", AGENT_OPTIONS)
    assert made.reward.recipe.keys() == world.recipe.keys()
    assert made.variants == LoopSettings().variants
    assert made.reward.window_s == LoopSettings().reward.window_s


def test_an_existing_loop_keeps_all_but_its_policy_and_is_told_what_does_not_suit() -> None:
    reward = RewardSettings(max=5.0, recipe={"click": FeedbackRule()})
    before = LoopSettings(floor=0.1, salt="mine", reward=reward)
    service = FakeService({"shop": FakeStored(3, before)})
    found = publish(service, "shop", packed("gradient"), world=make_world(WORLD, OPTIONS))
    now = service.loops["shop"].settings
    assert now == before.model_copy(update={"policy": now.policy})
    assert (found.version, found.is_new) == (4, False)
    cut, unweighed = found.warnings
    assert "cut to 0 … 5" in cut
    assert unweighed == (
        "the loop's recipe weighs nothing of engagement, which the agent was trained on; add `engagement: {}` to "
        "reward.recipe, else it is not learned"
    )


def test_the_worlds_own_rewards_suit_the_agents_of_it() -> None:
    world = make_world(WORLD, OPTIONS)
    own = loop_settings(world)
    assert list(unsuited_to(own, world.reward_range, world)) == []
    assert list(unsuited_to(own, (-1e9, 1e9), world)) != []


def test_what_to_add_to_a_recipe_has_the_worlds_weights() -> None:
    (told,) = unsuited_to(LoopSettings(), (0.0, 1.0), make_world("shop", {}))
    cure = "add `cart: {weight: 0.2}, click: {weight: 0.1}, purchase: {weight: 0.7}` to reward.recipe, else they are"
    assert cure in told


def test_other_bytes_change_nothing() -> None:
    service = FakeService()
    with pytest.raises(StartError):
        publish(service, "shop", b"no agent", world=make_world(WORLD, OPTIONS))
    assert (service.loops, service.agents) == ({}, [])


def test_an_agent_of_another_world_changes_nothing() -> None:
    service = FakeService()
    with pytest.raises(StartError, match=r"the agent: requests of news have no clickbait"):
        publish(service, "shop", packed("gradient"), world=make_world("news", {}))
    assert (service.loops, service.agents) == ({}, [])
