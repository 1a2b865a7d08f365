"""What ``slateloop train`` measures: agents trained in worlds, bandits beside them, and choosers that need no learning.

In: a ``Task``: one piece of work, settled to the last option, and the folder of the run. Out: its ``Result``, or why
there is none. Every piece is scored by the same users of its world, whom no training met. The pieces themselves, and
what is kept of them, are in ``simulator/training_pieces.py``.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from agent.starts import Start, pack
from envs import references
from envs.episodes import Estimate, run_episodes
from envs.presets import make_world
from simulator.cells import PolicyChoice
from simulator.from_log import LogCourse, learn_from_log
from simulator.frozen import score_frozen
from simulator.train import TEST_SEED, Point, TrainedAgent, train
from simulator.training_code import code_of
from simulator.training_diary import Diary
from simulator.training_pieces import Failed, Look, Piece, Result


class Task(NamedTuple):
    """One piece of work and where its run keeps what is not finished.

    Attributes:
        out: Folder; "" keeps nothing.
        tensorboard: Whether to write event files there.
    """

    piece: Piece
    out: str = ""
    tensorboard: bool = False


def attempt(task: Task) -> Result | Failed:
    """Measure, and turn an error into a ``Failed``, so that others go on and nothing unpicklable crosses processes."""
    try:
        return measure(task)
    except Exception as error:  # noqa: BLE001  whatever a world or an agent raises is this piece's failure, and is told
        return Failed(task.piece.title, f"{type(error).__name__}: {error}", traceback.format_exc())


def measure(task: Task) -> Result:
    """Measure one piece in this process."""
    piece, began = task.piece, (time.perf_counter(), time.process_time())
    match piece.sort:
        case "agent":
            return _timed(_trained(task), began)
        case "log":
            return _timed(_from_log(task), began)
        case "bandit":
            return _timed(_result(piece, _bandit(piece)), began)
        case "reference":
            return _timed(_result(piece, _reference(piece)), began)


def start_of(piece: Piece, trained: TrainedAgent) -> bytes:
    """A trained agent, packed for a loop to begin with."""
    low, high = make_world(piece.scene.preset, piece.scene.options).reward_range
    return pack(Start(trained.agent, trained.snapshot, trained.learnable, float(low), float(high)))


def _trained(task: Task) -> Result:
    piece = task.piece
    with Diary(task.out, piece.stem, tensorboard=task.tensorboard) as diary:
        trained = train(
            piece.course,
            seed=piece.seed,
            tell=diary.tell,
            keep=lambda best: diary.keep(start_of(piece, best)),
        )
        diary.finish(Point(trained.curve[trained.kept].n_steps, trained.score, {}))
    made = _result(piece, trained.score, trained.curve, trained.kept)
    return msgspec.structs.replace(made, start=start_of(piece, trained))


def _from_log(task: Task) -> Result:
    piece = task.piece
    course = LogCourse(
        piece.kind, piece.course.world, piece.n_logged, piece.n_served, piece.n_test_users, options=piece.options
    )
    with Diary(task.out, piece.stem, tensorboard=False) as diary:
        points, end = learn_from_log(course, seed=piece.seed, tell=diary.tell)
        diary.finish(points[-1])
    return _result(piece, points[end].score, points, end)


def _bandit(piece: Piece) -> Estimate:
    policy = PolicyChoice(piece.name, piece.kind, piece.options)
    return score_frozen(
        policy, piece.course.world, seed=piece.seed, n_requests=piece.n_requests, n_users=piece.n_test_users
    )


def _reference(piece: Piece) -> Estimate:
    world = piece.course.world(piece.n_test_users)
    chooser = references.choosers(world.name)[piece.name]
    return run_episodes(world, chooser, n_episodes=piece.n_test_users, seed=TEST_SEED).estimate("return")


def _result(piece: Piece, score: Estimate, points: Sequence[Point] = (), kept: int = 0) -> Result:
    code = code_of(piece.sort, piece.kind)
    curve = [Look(point.n_steps, *point.score) for point in points]
    return Result(piece.key, float(score.mean), float(score.sd), score.n, 0.0, 0.0, code, curve, kept)


def _timed(result: Result, began: tuple[float, float]) -> Result:
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    return msgspec.structs.replace(result, seconds=spent[0], busy_s=spent[1])
