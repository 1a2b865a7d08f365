"""Pieces of work of ``slateloop train``, and their results as they are kept.

In: what a plan settled. Out: a ``Piece``, whose key names everything that decides what is measured, and its ``Result``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from simulator.cells import Setting
from simulator.train import FRUGAL, Budget, Course

Sort = Literal["agent", "log", "bandit", "reference"]
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

    @property
    def is_plain(self) -> bool:
        """Nothing but its sizes was asked for."""
        return set(self.options) <= {"num_candidates", "slate_size"}

    @property
    def sizes(self) -> tuple[int, int]:
        """Candidates and slots; 0 where they are the world's own."""
        return int(self.options.get("num_candidates", 0)), int(self.options.get("slate_size", 0))


def scene_of(setting: Setting) -> Scene:
    """The same world, sizes among its options."""
    sizes = {"num_candidates": setting.n_candidates, "slate_size": setting.n_slots}
    return Scene(setting.title, setting.preset, {**setting.options, **sizes})


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of work.

    Attributes:
        sort: An agent to train, an agent's learner to feed with a log, a bandit to run on a log of its own, or a
            chooser that needs no learning.
        name: Kind of agent, the bandit as it was written, or the chooser.
        options: Of the agent or the bandit.
        seed: Nothing of a chooser depends on it.
        budget: Of an agent.
        n_requests: Of a bandit: so many it serves and learns from before it is frozen.
        n_test_users: Who score it.
        n_logged: Of a log: decisions of a uniform control.
        n_served: Of a log: decisions of the agent's own snapshots, after them.
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
    n_logged: int = 0
    n_served: int = 0

    @property
    def is_frugal(self) -> bool:
        """An agent trained by the budget for where steps are dear, whatever its number of steps."""
        own = dataclasses.replace(
            self.budget,
            n_steps=FRUGAL.n_steps,
            n_validation_users=FRUGAL.n_validation_users,
            n_test_users=FRUGAL.n_test_users,
        )
        return self.sort == "agent" and own == FRUGAL

    @property
    def who(self) -> str:
        """Its name in tables."""
        marks = {"reference": " (reference)", "log": " (from a log)", "agent": " (frugal)" if self.is_frugal else ""}
        return self.name + marks.get(self.sort, "")

    @property
    def title(self) -> str:
        """For people."""
        tail = f"{self.name}" if self.sort == "reference" else f"{self.who}, seed {self.seed}"
        return f"{self.scene.title}, {tail}"

    @property
    def n_steps(self) -> int:
        """At most so many: of an agent's training, or decisions of a log."""
        return self.n_logged + self.n_served if self.sort == "log" else self.budget.n_steps

    @property
    def key(self) -> str:
        """16 hex digits over everything that decides what is measured."""
        said = {name: value for name, value in _said(self) if name not in _IDLE[self.sort]}
        if "budget" in said:
            said["budget"] = dict(_said(self.budget))
        text = json.dumps({"format": FORMAT, **said}, sort_keys=True, separators=(",", ":"))
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
    """One point of a curve: the return of an episode of validation users, its spread, and how many they are.

    Of a log: of the test users, after so many decisions.
    """

    n_steps: int
    mean: float
    sd: float
    n: int


class Result(msgspec.Struct, frozen=True):
    """What came of a piece.

    Attributes:
        mean: Return of an episode of the test users; of a log, at its end, before the agent has served.
        sd: Standard deviation of one episode's return.
        n: How many episodes.
        curve: Of an agent, or of a log.
        kept: Index in the curve of what was kept; of a log, of its end.
        seconds: Wall-clock time, scoring included.
        busy_s: Processor time of the same.
        code: Digest of the code that measured.
        start: Of an agent: packed, for publishing; kept in a file of its own.
        piece: What it came of, where it is kept; results kept long ago don't say.
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
    piece: Piece | None = None

    @property
    def validated(self) -> Look:
        """What its validation users made of an agent, at the point that was kept."""
        return self.curve[self.kept]


def best_of(trained: Iterable[Piece], results: Mapping[str, Result]) -> Piece:
    """Of finished agents, at least one, the one that its validation users liked best; the first of equals.

    Only those count that the most users validated: the mean of a few is chance enough to beat a better agent.
    """
    found = [(results[one.key].validated, one) for one in trained]
    most = max(look.n for look, _ in found)
    return max((pair for pair in found if pair[0].n == most), key=lambda pair: pair[0].mean)[1]


class Failed(msgspec.Struct, frozen=True):
    """A piece that couldn't be measured: type and message of the error, and where it happened."""

    title: str
    error: str
    trace: str = ""


_FIRST: Mapping[str, frozenset[str]] = {
    "Piece": frozenset({"sort", "name", "scene", "seed", "options", "kind", "budget", "n_requests", "n_test_users"}),
    "Budget": frozenset(
        {
            "n_steps",
            "n_users",
            "n_worlds",
            "n_segment",
            "n_validations",
            "n_validation_users",
            "patience",
            "n_test_users",
        }
    ),
}
"""Fields that every key has named from the first. Others are named only where they say something, so that results kept
before there were such fields are found again."""

_IDLE: Mapping[Sort, frozenset[str]] = {
    "agent": frozenset(),
    "log": frozenset({"budget"}),
    "bandit": frozenset({"budget"}),
    "reference": frozenset({"budget", "seed"}),
}
"""Sort → fields that nothing of it depends on: they are in no key of it, so another default budget finds it again."""


def _said(one: Piece | Budget) -> Iterator[tuple[str, Any]]:
    """Fields and values that are part of a key."""
    values = dataclasses.asdict(one)
    for field in dataclasses.fields(one):
        if field.name in _FIRST[type(one).__name__] or values[field.name] != field.default:
            yield field.name, values[field.name]
