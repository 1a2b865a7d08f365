"""Trained agents that join a comparison: those that a folder of ``slateloop train`` holds for the very worlds compared.

In: such a folder, and a world settled to its last option. Out: ``PolicyChoice``s that begin with the best agent of each
kind, by its validation users, as ``slateloop train --publish`` chooses it; the options of a choice name the file and
the address of its content, so that another agent is another experiment. Where there is none, the command that trains
some.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from agent.starts import StartError
from policies import registry
from simulator import policy_starts, train_options
from simulator.cells import CellError, PolicyChoice, Setting, parse_option
from simulator.earlier_run import earlier_in
from simulator.experiments import Plan
from simulator.policy_starts import ADDRESS, START
from simulator.results import ResultsError
from simulator.training_folder import FINISHED, agent_file, finished_in
from simulator.training_pieces import Look, Piece, Result, Scene, best_of, scene_of


@dataclass(frozen=True, slots=True)
class Trained:
    """The best agent of its kind and world.

    Attributes:
        look: What its validation users made of it.
        n_trained: It is the best of so many.
    """

    piece: Piece
    look: Look
    n_trained: int
    path: Path


def trained_in(folder: Path) -> list[Trained]:
    """The best agent of each world and kind, worlds by name; nothing is made or changed.

    Raises:
        ResultsError: there is no such folder, or ``slateloop train`` wrote nothing there.
    """
    if not (folder / FINISHED).is_dir():
        raise ResultsError(
            f"trained={folder}: no folder of trained agents; name one that `slateloop train` wrote, such as "
            f"{train_options.OUT}"
        )
    groups: list[list[tuple[Piece, Result]]] = []
    for piece, result in sorted(finished_in(folder), key=_place):
        if piece.sort == "agent":
            rivals = next((one for one in groups if _are_rivals(one[0][0], piece)), None)
            if rivals is None:
                groups.append(rivals := [])
            rivals.append((piece, result))
    return [_best(group, folder) for group in groups]


def choices(trained: Sequence[Trained], settings: Sequence[Setting]) -> dict[str, tuple[PolicyChoice, ...]]:
    """Title of a world → the agents that were trained in it, where there are any.

    Raises:
        CellError: an agent's file is missing, or isn't of this release.
    """
    found = {
        setting.title: tuple(_choice(one) for one in trained if _is_same(one.piece.scene, scene_of(setting)))
        for setting in settings
    }
    return {title: those for title, those in found.items() if those}


def require_any(found: Mapping[str, object], settings: Sequence[Setting], folder: Path) -> None:
    """Refuse a comparison with trained agents in which there is none.

    Raises:
        CellError: with the command that trains some.
    """
    if settings and not found:
        titles, first = " or ".join(one.title for one in settings), shlex.join(command_for(settings[0], folder))
        raise CellError(
            f"trained={folder}: no agent there was trained in {titles}; `{first}` trains some, and "
            f"`slateloop simulate --list --trained {folder}` says what there is"
        )


def command_for(setting: Setting, folder: Path) -> tuple[str, ...]:
    """The command that trains agents in this very world and keeps them in this folder."""
    sizes = ("--candidates", str(setting.n_candidates), "--slots", str(setting.n_slots))
    options = [word for name, value in setting.options.items() for word in ("--world-option", written(name, value))]
    out = () if folder == train_options.OUT else ("--out", str(folder))
    return ("slateloop", "train", "--world", setting.preset, *sizes, *options, *out)


def none_yet(folder: Path) -> str:
    """What to do about a folder without a finished training."""
    earlier, out = earlier_in(folder), () if folder == train_options.OUT else ("--out", str(folder))
    command = shlex.join(("slateloop", "train", *out)) if earlier is None else earlier.command
    what = "trains agents" if earlier is None else "goes on with what was begun"
    return f"trained agents (--trained {folder}): no training there is finished; `{command}` {what}"


def notes(folder: Path, plan: Plan, write: Callable[[Sequence[str]], str]) -> Iterator[str]:
    """Which agents there are, world by world, and how to train those that there aren't.

    Args:
        folder: Where they were looked for.
        plan: Of the comparison.
        write: Makes a line of the words of a command, or of a path.
    """
    for setting in plan.settings:
        own = plan.per_world.get(setting.title, ())
        for one in own:
            yield f"{one.name} in {setting.title} begins with {Path(one.options[START]).name}"
        if not own:
            command = write(command_for(setting, folder))
            yield f"no agent in {write((str(folder),))} was trained in {setting.title}; `{command}` trains some"


def begun_to_json(plan: Plan) -> list[dict[str, str]]:
    """Which agent each policy of a comparison begins with."""
    return [
        {"world": world, "policy": one.name, "file": one.options[START], "start": one.options[ADDRESS]}
        for world, those in plan.per_world.items()
        for one in those
    ]


def table(trained: Sequence[Trained], title: str) -> Table:
    """One row for each."""
    found = Table(title=title, title_justify="left")
    for heading in ("world", "kind", "seed", "best of", "return, validation users", "file"):
        found.add_column(heading, overflow="fold")
    for one in trained:
        piece, name = one.piece, one.path.name if one.path.exists() else f"{one.path.name} is missing"
        figures = (str(piece.seed), str(one.n_trained), f"{one.look.mean:,.4g}, {one.look.n:,}")
        found.add_row(piece.scene.title, piece.kind, *figures, name)
    return found


def to_json(trained: Sequence[Trained]) -> list[dict[str, Any]]:
    """One object for each."""
    return [
        {
            "world": one.piece.scene.title,
            "preset": one.piece.scene.preset,
            "options": dict(one.piece.scene.options),
            "kind": one.piece.kind,
            "seed": one.piece.seed,
            "n_trained": one.n_trained,
            "validation_return": one.look.mean,
            "n_validation_users": one.look.n,
            "file": str(one.path),
            "exists": one.path.exists(),
        }
        for one in trained
    ]


def _best(group: Sequence[tuple[Piece, Result]], folder: Path) -> Trained:
    results = {piece.key: result for piece, result in group}
    piece = best_of((piece for piece, _ in group), results)
    look = results[piece.key].validated
    n_rivals = sum(one.validated.n == look.n for one in results.values())
    return Trained(piece, look, n_rivals, agent_file(folder, piece))


def _place(finished: tuple[Piece, Result]) -> tuple[str, str, str, int]:
    piece, _ = finished
    return piece.scene.preset, json.dumps(piece.scene.options, sort_keys=True), piece.kind, piece.seed


def _are_rivals(one: Piece, other: Piece) -> bool:
    return one.kind == other.kind and _is_same(one.scene, other.scene)


def _is_same(one: Scene, other: Scene) -> bool:
    """How a title is written doesn't matter, nor whether an option is 0 or 0.0."""
    return (one.preset, dict(one.options)) == (other.preset, dict(other.options))


def _choice(one: Trained) -> PolicyChoice:
    kind, options = one.piece.kind, dict(one.piece.options)
    if not one.path.exists():
        raise CellError(
            f"{one.path} is missing, though {one.piece.title}, is finished; put it back, or run the same "
            "`slateloop train` again, which trains it anew"
        )
    if problems := registry.problems(kind, options):
        raise CellError(f"{one.path}: trained with options that this release hasn't: {'; '.join(problems)}")
    try:
        settled = policy_starts.settled(kind, {**options, START: str(one.path)})
    except StartError as error:
        raise CellError(f"{one.path}: {error}") from None
    return PolicyChoice(f"{kind} (trained)", kind, settled)


def written(name: str, value: Any) -> str:
    """An option as the command line reads it."""
    plain = f"{name}={value}"
    return plain if isinstance(value, str) and parse_option(plain) == (name, value) else f"{name}={json.dumps(value)}"
