"""Worlds by name, and their registration with Gymnasium."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import gymnasium
import pytest

import envs
from envs.interest_evolution import InterestEvolution
from envs.presets import (
    NAMESPACE,
    PRESETS,
    WORLDS,
    build,
    make_env,
    make_vector_env,
    make_world,
    names,
    world_class,
)
from envs.single_env import SlateEnv
from envs.slate_env import SlateVectorEnv
from envs.world import WorldError
from tests.envs.fake_world import FakeWorld


@dataclass(frozen=True)
class Settings:
    pace: float = 1.0
    calm: bool = False


class Settled(FakeWorld):
    """A world whose options are the fields of a dataclass."""

    def __init__(self, n_users: int, n_candidates: int = 4, n_slots: int = 2, settings: Settings = Settings()) -> None:
        super().__init__(n_users, n_candidates, n_slots)
        self.settings = settings


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(WORLDS, "Settled-v0", f"{__name__}:Settled")
    return "Settled-v0"


def test_every_preset_is_of_a_world() -> None:
    assert {preset.world for preset in PRESETS.values()} <= set(WORLDS)
    assert names() == tuple(PRESETS)


def test_importing_registers_every_world_and_loads_none() -> None:
    registered = {name for name in gymnasium.registry if name.startswith(f"{NAMESPACE}/")}
    assert registered == {f"{NAMESPACE}/{name}" for name in WORLDS}
    code = "import sys, envs; print([name for name in sys.modules if name in ('envs.interest_evolution', 'envs.shop')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert envs.__doc__


def test_sizes_and_options_reach_the_world() -> None:
    world = make_world(
        "interest-evolution-visible-budget", num_envs=3, num_candidates=7, slate_size=4, choice="multinomial-logit"
    )
    assert isinstance(world, InterestEvolution)
    assert (world.n_users, world.n_candidates, world.n_slots) == (3, 7, 4)
    assert world.visible_budget
    assert not make_env("interest-evolution-visible-budget", visible_budget=False).world.shape.user[0].shape[0] > 20


def test_environments_of_a_preset() -> None:
    single = make_env("interest-evolution", slate_size=3)
    vector = make_vector_env("interest-evolution", num_envs=5, num_candidates=6)
    assert isinstance(single, SlateEnv)
    assert single.world.n_slots == 3
    assert isinstance(vector, SlateVectorEnv)
    assert (vector.num_envs, vector.world.n_candidates) == (5, 6)


def test_gymnasium_makes_both_kinds() -> None:
    single = gymnasium.make("slateloop/InterestEvolution-v0", num_candidates=8, slate_size=3, visible_budget=True)
    assert isinstance(single.unwrapped, SlateEnv)
    assert single.unwrapped.world.n_slots == 3
    vector = gymnasium.make_vec("slateloop/InterestEvolution-v0", num_envs=6, num_candidates=8)
    assert isinstance(vector.unwrapped, SlateVectorEnv)
    assert vector.num_envs == 6
    assert vector.spec is not None


def test_a_class_may_keep_its_options_in_a_dataclass(settled: str) -> None:
    world = build(settled, 2, {"pace": 3.0, "slate_size": 1})
    assert isinstance(world, Settled)
    assert world.settings == Settings(pace=3.0)
    assert world.n_slots == 1
    with pytest.raises(
        WorldError, match=r"speed=2: Settled-v0 has no such option; .* num_candidates, slate_size, pace, calm"
    ):
        build(settled, 2, {"speed": 2})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"preset": "nowhere"}, "preset='nowhere' doesn't exist; there are interest-evolution, "),
        ({"preset": "strewming"}, r"preset='strewming' doesn't exist; .* \(did you mean streaming\?\)"),
        ({"slate_sice": 2}, r"slate_sice=2: .* there are num_candidates, .* \(did you mean slate_size\?\)"),
        ({"slates": 2}, "slates=2: .* there are num_candidates, slate_size, visible_budget, choice, budget_price"),
        ({"num_envs": 0}, "num_envs=0 must be a whole number in \\[1, inf\\)"),
        ({"num_candidates": 2.0}, "num_candidates=2.0 must be a whole number"),
        ({"num_candidates": True}, "num_candidates=True must be a whole number"),
        ({"num_candidates": 2, "slate_size": 3}, "slate_size=3 can't be filled from num_candidates=2"),
    ],
)
def test_what_is_wrong_is_named(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(WorldError, match=message):
        make_world(**{"preset": "interest-evolution", **asked})


def test_gymnasium_passes_the_errors_on() -> None:
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(WorldError, match="speed=2: InterestEvolution-v0 has no such option"):
            make("slateloop/InterestEvolution-v0", speed=2)
        with pytest.raises(WorldError, match="render_mode='human': worlds draw no pictures"):
            make("slateloop/InterestEvolution-v0", render_mode="human")


def test_an_unknown_world_is_named() -> None:
    with pytest.raises(WorldError, match="world='Mars-v0' doesn't exist; there are InterestEvolution-v0"):
        world_class("Mars-v0")
