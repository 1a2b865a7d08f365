"""A world as a run against a live loop: its users, the loop that suits it, and what to compare.

In: the name of a preset. Out: a ``Course`` for ``simulator/run.py``.
"""

from __future__ import annotations

from typing import Literal

from agent.arms import LEARNED
from simulator.run import Course
from simulator.traffic import Route

WorldName = Literal["news", "shop", "streaming", "interest-evolution"]
"""Presets that ``slateloop demo`` shows."""

POPULARITY, UNIFORM = "popularity", "uniform"

VARIANTS = {LEARNED: 0.5, POPULARITY: 0.25, UNIFORM: 0.25}
"""Shares of the users; popularity learns from all of them, as learned does."""


def course(preset: WorldName, loop: str, *, seed: int) -> Course:
    """The preset's users as a run against this loop."""
    # Worlds are loaded only now, so that every other command is quick.
    from envs.presets import make_world
    from simulator.env_users import EnvUsers, loop_settings

    world = make_world(preset)
    settings = loop_settings(world, variants=VARIANTS)
    users = EnvUsers(world, seed=seed)
    return Course(Route(loop, world.n_slots), users, settings, controls=(POPULARITY, UNIFORM), kpi=world.kpi)
