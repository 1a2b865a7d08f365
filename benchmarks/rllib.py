"""How fast RLlib trains the agents, beside the plain trainer: ``python -m benchmarks.rllib``.

In: nothing, or the kinds wanted. Out: steps a second of processor time of this process, one line each; the median of a
few updates. Torch counts with one thread; NumPy too where ``OMP_NUM_THREADS`` is 1.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import ray
import torch

from simulator.many_worlds import ManyWorlds
from simulator.rllib.gradient import GradientConfig
from simulator.rllib.slateq import SlateQConfig
from simulator.rollout import Roller
from simulator.trainees import make_trainee

WORLD = "slateloop/InterestEvolution-v0"
CONFIGS = {"slateq": SlateQConfig, "gradient": GradientConfig}


def steps_per_s(update: Callable[[], object], *, n_steps: int, n_updates: int) -> float:
    """Of processor time, by the median update."""
    found = []
    for _ in range(n_updates):
        began = time.process_time()
        update()
        found.append(time.process_time() - began)
    return n_steps / statistics.median(found)


def plain_update(config: Any, kind: str) -> Callable[[], object]:
    """One update of ``simulator/train.py``, with as many users and steps."""
    world = ManyWorlds(config.world, n_users=config.num_envs_per_env_runner, n_worlds=config.n_worlds)
    roller = Roller(world, config.encoding, seed=0)
    trainee = make_trainee(kind, {}, config.encoding.encoder, n_slots=world.n_slots, seed=0)
    n_segment, keeps = config.rollout_fragment_length, trainee.keeps_candidates

    def update() -> object:
        segment = roller.roll(
            lambda view, dice: trainee.act(view.contexts, view.candidates, progress=0.5, dice=dice),
            n_segment,
            keep_candidates=keeps,
        )
        return trainee.update(segment, progress=0.5)

    return update


def main() -> None:
    """Both ways, each kind."""
    asked = argparse.ArgumentParser(description="RLlib beside the plain trainer, in steps a second of processor time")
    asked.add_argument("kind", nargs="*", default=list(CONFIGS), help=", ".join(CONFIGS))
    asked.add_argument("--updates", type=int, default=8)
    given = asked.parse_args()
    torch.set_num_threads(1)
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    for kind in given.kind:
        config = CONFIGS[kind]().environment(WORLD).debugging(seed=0)
        algorithm = config.build_algo()
        n_steps = config.num_envs_per_env_runner * config.rollout_fragment_length
        for name, update in (("plain", plain_update(algorithm.config, kind)), ("RLlib", algorithm.train)):
            speed = steps_per_s(update, n_steps=n_steps, n_updates=given.updates)
            print(f"{kind:8} {name:5} {speed:8,.0f} steps a second of processor time")
        algorithm.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
