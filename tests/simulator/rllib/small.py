"""Small trainings for tests: long-term satisfaction at sensitivity 0.3, where clickbait earns now and costs later."""

from __future__ import annotations

from typing import Any

from envs import references
from envs.episodes import run_episodes
from simulator.rllib.gradient import GradientConfig
from simulator.rllib.slateq import SlateQConfig
from simulator.rllib.world_config import WorldConfig
from simulator.rllib.world_runner import make_vector_env

WORLD, WORLD_OPTIONS = "slateloop/LongTermSatisfaction-v0", {"sensitivity": 0.3}
CONFIGS: dict[str, type[WorldConfig]] = {"slateq": SlateQConfig, "gradient": GradientConfig}

OPTIONS: dict[str, Any] = {"hidden": [8], "minibatch": 32, "epochs": 1}
N_USERS, N_SEGMENT = 32, 4
N_STEPS = N_USERS * N_SEGMENT
"""Of one iteration of ``config``."""


def config(kind: str, **options: Any) -> Any:
    """As little as can be trained."""
    made: Any = CONFIGS[kind]().environment(WORLD, env_config=WORLD_OPTIONS)
    made.env_runners(num_envs_per_env_runner=N_USERS, rollout_fragment_length=N_SEGMENT)
    made.training(n_steps=1000, options={**OPTIONS, **options})
    return made.debugging(seed=0)


def mean_return(chooser: str, *, n_users: int = 200) -> float:
    """Of an episode under a reference."""
    world = make_vector_env(WORLD, n_users, WORLD_OPTIONS).world
    return run_episodes(world, getattr(references, chooser), n_episodes=n_users, seed=1).estimate("return").mean
