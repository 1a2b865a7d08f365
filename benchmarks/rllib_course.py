"""One agent trained by RLlib, as anyone would have it, and scored by the test users of ``slateloop train``.

In: a ``Task``: an agent, a world, a seed and a budget. Out: its ``Result``, kept and told as those of ``slateloop
train`` are. No training stops early, and no look chooses the best: what is scored is what ``to_start()`` gives at the
end. ``rllib_returns.py`` makes a page of it.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME

from agent.starts import unpack
from envs.episodes import Estimate, run_episodes
from envs.presets import NAMESPACE, PRESETS
from envs.world import Indices, World
from policies.agents import KINDS
from policies.base import PolicyError
from policies.gradient import snapshot as gradient
from policies.gradient.draws import top_k
from policies.neural.dense import Float32s
from policies.neural.one_thread import one_thread
from policies.slateq import acting
from policies.slateq import snapshot as slateq
from simulator import training, training_code
from simulator.imports import WORDING, reached
from simulator.records import meaning_of
from simulator.rllib.gradient import GradientConfig
from simulator.rllib.slateq import SlateQConfig
from simulator.rllib.world_algorithm import WorldAlgorithm
from simulator.rllib.world_config import WorldConfig
from simulator.rllib.world_runner import EVALUATION_SEED
from simulator.train import TEST_SEED, Budget, Point
from simulator.training import Task
from simulator.training_diary import Diary
from simulator.training_pieces import Failed, Look, Piece, Result

CONFIGS: dict[str, type[WorldConfig]] = {"slateq": SlateQConfig, "gradient": GradientConfig}

Show = Callable[[Float32s, Float32s], Indices]
"""Vectors of contexts and candidates → slates (n_users, n_slots)."""

_ROOMS = ("envs", "policies", "simulator")
"""Packages that decide what RLlib's agents come to; what a loop does with them does not."""


def attempt(task: Task) -> Result | Failed:
    """Measure; agents by RLlib, all else as ``slateloop train`` does."""
    piece, began = task.piece, (time.perf_counter(), time.process_time())
    if piece.sort != "agent":
        return training.attempt(task)
    try:
        with one_thread():
            found = _trained(task)
    except Exception as error:  # noqa: BLE001  whatever RLlib or a world raises is this piece's failure, and is told
        return Failed(piece.title, f"{type(error).__name__}: {error}", traceback.format_exc())
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    return msgspec.structs.replace(found, seconds=spent[0], busy_s=spent[1])


def config_of(piece: Piece) -> Any:
    """The agent's configuration, all of it RLlib's or its own defaults but for budget, options and seed."""
    preset, budget = PRESETS[piece.scene.preset], piece.budget
    made: Any = CONFIGS[piece.kind]()
    made.environment(f"{NAMESPACE}/{preset.world}", env_config={**preset.options, **piece.scene.options})
    made.env_runners(num_envs_per_env_runner=budget.n_users, rollout_fragment_length=budget.n_segment)
    made.training(n_steps=budget.n_steps, n_worlds=budget.n_worlds, options=piece.options)
    return made.debugging(seed=piece.seed)


@contextmanager
def built(config: Any) -> Iterator[WorldAlgorithm]:
    """The algorithm; stopped in the end, and the empty folder that RLlib makes for it removed."""
    algorithm: WorldAlgorithm = config.build_algo()
    try:
        yield algorithm
    finally:
        algorithm.stop()
        with suppress(OSError):  # somebody keeps something in it
            Path(algorithm.logdir).rmdir()


def looks(algorithm: WorldAlgorithm, budget: Budget) -> Iterator[int]:
    """Train until the budget is spent; yields the steps done whenever it is time to look, and at the end."""
    n_done = n_looks = 0
    while n_done < budget.n_steps:
        n_done = int(algorithm.train()[ENV_RUNNER_RESULTS][NUM_ENV_STEPS_SAMPLED_LIFETIME])
        if n_done >= budget.n_steps or n_done * budget.n_validations >= (n_looks + 1) * budget.n_steps:
            n_looks += 1
            yield n_done


def score(algorithm: WorldAlgorithm, packed: bytes, *, n_users: int, seed: int) -> Estimate:
    """Return of an episode under the best slates that a packed agent knows; one episode each of so many users.

    Raises:
        PolicyError: if a return isn't finite.
    """
    config, start = algorithm.config, unpack(packed)
    world, encode = config.world(n_users), config.encoding.encode
    show = shown_by(start.kind, start.snapshot, n_slots=world.n_slots)

    def choose(world: World, _: np.random.Generator) -> Indices:
        return show(*encode(*world.observe()))

    found = run_episodes(world, choose, n_episodes=n_users, seed=seed).estimate("return")
    if not np.isfinite(found.mean):
        raise PolicyError(f"return={found.mean} of {n_users} users: must be finite; look at the world's rewards")
    return found


def shown_by(kind: str, snapshot: bytes, *, n_slots: int) -> Show:
    """The best slates that a snapshot knows, without exploration.

    Raises:
        PolicyError: if it is of another kind, or knows nothing yet.
    """
    if kind == "slateq":
        return partial(acting.greedy, slateq.Snapshot.from_bytes(snapshot).model)
    scorer = gradient.Snapshot.from_bytes(snapshot).scorer
    if scorer is None:
        raise PolicyError("a snapshot that knows nothing yet shows all slates alike; train it first")
    return lambda contexts, candidates: top_k(scorer(contexts, candidates), n_slots)


@cache
def code_of(sort: str, kind: str) -> str:
    """Digest of the code that measures a piece; see ``simulator/training_code.py``."""
    if sort != "agent":
        return training_code.code_of(sort, kind)
    root, digest = Path(__file__).resolve().parents[1], hashlib.sha256()
    for path in files_of(root, kind):
        meaning = meaning_of(path.read_text(encoding="utf-8"))
        digest.update(f"{path.relative_to(root).as_posix()}\0{meaning}\0".encode())
    return digest.hexdigest()[:12]


def files_of(root: Path, kind: str) -> list[Path]:
    """Every world, what RLlib runs of an agent of this kind, and this file."""
    others = [root / "policies" / other for other in KINDS if other != kind]
    begin = [*(root / "envs").glob("*.py"), root / "simulator" / "rllib" / f"{kind}.py"]
    found = reached(root, begin, rooms=_ROOMS, but=others)
    return sorted({*(path for path in found if path.name != WORDING), root / "benchmarks" / Path(__file__).name})


def _trained(task: Task) -> Result:
    piece, budget, curve, packed = task.piece, task.piece.budget, list[Look](), b""
    with built(config_of(piece)) as algorithm, Diary(task.out, piece.stem, tensorboard=False) as diary:
        for n_done in looks(algorithm, budget):
            packed = algorithm.to_start()
            seen = score(algorithm, packed, n_users=budget.n_validation_users, seed=EVALUATION_SEED)
            diary.tell(Point(n_done, seen, {}))
            curve.append(Look(n_done, *seen))
        tested = score(algorithm, packed, n_users=piece.n_test_users, seed=TEST_SEED)
    code = code_of(piece.sort, piece.kind)
    return Result(piece.key, *tested, 0.0, 0.0, code, curve, len(curve) - 1, packed)
