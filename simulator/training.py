"""What ``slateloop train`` measures: agents trained in worlds, bandits beside them, and choosers that need no learning.

In: a ``Task``: one piece of work, settled to the last option, and the folder of the run. Out: its ``Result``, or why
there is none. Every piece is scored by the same users of its world, whom no training met.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from agent.starts import Start, pack
from envs import references
from envs.episodes import Estimate, run_episodes
from envs.presets import make_world
from simulator.cells import PolicyChoice
from simulator.frozen import score_frozen
from simulator.train import TEST_SEED, Budget, Course, TrainedAgent, train
from simulator.training_code import code_of
from simulator.training_diary import Diary

Sort = Literal["agent", "bandit", "reference"]
Options = Mapping[str, Any]

FORMAT = 1
"""Raise it when what a piece measures changes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A world as it was asked for.

    Attributes:
        title: Of tables: the preset, its sizes and its options.
        options: Of the world; sizes are among them.
    """

    title: str
    preset: str
    options: Options


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of work.

    Attributes:
        sort: An agent to train, a bandit to run on a log of its own, or a chooser that needs no learning.
        name: Kind of agent, the bandit as it was written, or the chooser.
        options: Of the agent or the bandit.
        seed: Nothing of a chooser depends on it.
        budget: Of an agent.
        n_requests: Of a bandit: so many it serves and learns from before it is frozen.
        n_test_users: Who score it.
    """

    sort: Sort
    name: str
    scene: Scene
    seed: int = 0
    options: Options = dataclasses.field(default_factory=dict)
    kind: str = ""
    budget: Budget = dataclasses.field(default_factory=Budget)
    n_requests: int = 0
    n_test_users: int = 1000

    @property
    def title(self) -> str:
        """For people."""
        tail = "" if self.sort == "reference" else f", seed {self.seed}"
        return f"{self.scene.title}, {self.name}{tail}"

    @property
    def key(self) -> str:
        """16 hex digits over everything that decides what is measured."""
        text = json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def stem(self) -> str:
        """A file's name without its end."""
        return f"{self.scene.preset}-{self.name}-seed{self.seed}-{self.key[:8]}"

    @property
    def course(self) -> Course:
        """Of an agent."""
        budget = dataclasses.replace(self.budget, n_test_users=self.n_test_users)
        return Course(self.kind, self.scene.preset, self.scene.options, self.options, budget)


class Look(msgspec.Struct, frozen=True):
    """One point of a curve: the return of an episode of validation users, its spread and their number."""

    n_steps: int
    mean: float
    sd: float
    n: int


class Result(msgspec.Struct, frozen=True):
    """What came of a piece.

    Attributes:
        mean: Return of an episode of the test users.
        sd: Standard deviation of one episode's return.
        n: How many episodes.
        curve: Of an agent.
        kept: Index in the curve of what was kept.
        seconds: Wall-clock time, scoring included.
        busy_s: Processor time of the same.
        code: Digest of the code that measured.
        start: Of an agent: packed, for publishing; kept in a file of its own.
    """

    key: str
    mean: float
    sd: float
    n: int
    seconds: float
    busy_s: float
    code: str
    curve: list[Look] = []
    kept: int = 0
    start: bytes = b""


class Failed(msgspec.Struct, frozen=True):
    """A piece that couldn't be measured: type and message of the error, and where it happened."""

    title: str
    error: str
    trace: str = ""


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
    if piece.sort == "agent":
        return _timed(_trained(task), began)
    if piece.sort == "bandit":
        policy = PolicyChoice(piece.name, piece.kind, piece.options)
        scored = score_frozen(
            policy, piece.course.world, seed=piece.seed, n_requests=piece.n_requests, n_users=piece.n_test_users
        )
        return _timed(_result(piece, scored), began)
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
        diary.finish(trained)
    curve = [Look(point.n_steps, *point.score) for point in trained.curve]
    made = _result(piece, trained.score)
    return msgspec.structs.replace(made, curve=curve, kept=trained.kept, start=start_of(piece, trained))


def _reference(piece: Piece) -> Estimate:
    world = piece.course.world(piece.n_test_users)
    chooser = references.choosers(world.name)[piece.name]
    return run_episodes(world, chooser, n_episodes=piece.n_test_users, seed=TEST_SEED).estimate("return")


def _result(piece: Piece, score: Estimate) -> Result:
    code = code_of(piece.sort, piece.kind)
    return Result(piece.key, float(score.mean), float(score.sd), score.n, seconds=0.0, busy_s=0.0, code=code)


def _timed(result: Result, began: tuple[float, float]) -> Result:
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    return msgspec.structs.replace(result, seconds=spent[0], busy_s=spent[1])
