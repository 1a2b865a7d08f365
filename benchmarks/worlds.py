"""``make bench``, second part: how fast a world steps on one core of this machine, through the environments alone.

In: a preset. Out: user-steps per second of the native vector environment (1,024 users) and of the view for one user,
bare and as ``gymnasium.make`` wraps it; as a Markdown table, or one JSON object with ``--json``.

What is timed is ``step``, with observations, rewards, ends and ``info`` as any caller gets them, new users included.
Slates are drawn uniformly before the clock starts, and used again and again: a policy's time is no part of this. The
clock counts processor time: a step is one thread's work and waits for nothing, so this is what one core does, whatever
else the machine is busy with.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium

from benchmarks.serving import machine
from envs.presets import NAMESPACE, PRESETS, make_env, make_vector_env, names
from envs.slate_env import SlateVectorEnv

N_USERS = 1024
N_PREPARED = 64
"""Slates (or batches of slates) drawn beforehand."""
N_RUNS = 5
N_AT_ONCE = 16
"""Steps between two looks at the clock."""

Clock = Callable[[], float]
Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Speed:
    """User-steps per second: the median run, the slowest and the fastest."""

    per_s: float
    slowest: float
    fastest: float


def main() -> None:
    """Measure and print."""
    options = _options()
    found = speeds(options.preset, seconds=options.seconds)
    if options.json:
        print(json.dumps({name: asdict(speed) for name, speed in found.items()} | {"machine": facts()}))
    else:
        print(markdown(options.preset, found))


def speeds(preset: str, *, seconds: float, clock: Clock = time.process_time) -> dict[str, Speed]:
    """``vector``, ``single`` and ``wrapped``; each run lasts ``seconds``."""
    world, options = PRESETS[preset]
    wrapped: Any = gymnasium.make(f"{NAMESPACE}/{world}", **options)
    return {
        "vector": speed(vector_step(make_vector_env(preset, num_envs=N_USERS)), N_USERS, seconds=seconds, clock=clock),
        "single": speed(single_step(make_env(preset)), 1, seconds=seconds, clock=clock),
        "wrapped": speed(single_step(wrapped), 1, seconds=seconds, clock=clock),
    }


def speed(step: Step, n_users: int, *, seconds: float, clock: Clock) -> Speed:
    """Some runs of a step that moves so many users."""
    step(0)
    runs = sorted(_run(step, seconds, clock) * n_users for _ in range(N_RUNS))
    return Speed(runs[N_RUNS // 2], runs[0], runs[-1])


def vector_step(env: SlateVectorEnv) -> Step:
    """One step of all users, with the slates prepared for that number; ends are followed by themselves."""
    env.reset(seed=1)
    env.action_space.seed(1)
    slates = [env.action_space.sample() for _ in range(N_PREPARED)]

    def step(number: int) -> None:
        env.step(slates[number % N_PREPARED])

    return step


def single_step(env: gymnasium.Env[Any, Any]) -> Step:
    """One step of one user; an end is followed by a reset, which is counted as no step."""
    env.reset(seed=1)
    env.action_space.seed(1)
    slates = [env.action_space.sample() for _ in range(N_PREPARED)]

    def step(number: int) -> None:
        _, _, ended, cut, _ = env.step(slates[number % N_PREPARED])
        if ended or cut:
            env.reset()

    return step


def facts() -> dict[str, str]:
    """What was measured on."""
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "gymnasium"))
    return machine() | {"packages": packages}


def markdown(preset: str, found: dict[str, Speed]) -> str:
    """The table for the README."""
    where = facts()
    rows = {
        "vector": f"native vector environment, {N_USERS:,} users",
        "single": "one user, the bare environment",
        "wrapped": "one user, as `gymnasium.make` wraps it",
    }
    lines = [f"| {preset}: user-steps/s, median of {N_RUNS} runs (slowest, fastest) | value |", "|---|---|"]
    lines += [
        f"| {text} | {found[name].per_s:,.0f} ({found[name].slowest:,.0f}, {found[name].fastest:,.0f}) |"
        for name, text in rows.items()
    ]
    return "\n".join(
        [
            *lines,
            "",
            "Per second of one core's time; observations, rewards, ends and `info` included; "
            "uniform slates drawn beforehand.",
            f"Machine: {where['cpu']}, {where['memory']}; Python {where['python']}, {where['packages']}.",
        ]
    )


def _run(step: Step, seconds: float, clock: Clock) -> float:
    """Steps per second."""
    n_steps, began_at = 0, clock()
    while True:
        for number in range(n_steps, n_steps + N_AT_ONCE):
            step(number)
        n_steps += N_AT_ONCE
        took = clock() - began_at
        if took >= seconds:
            return n_steps / took


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worlds", description="Measure how fast a world steps.")
    parser.add_argument("--preset", choices=names(), default="interest-evolution")
    parser.add_argument("--seconds", type=float, default=2.0, help="processor time of each run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
