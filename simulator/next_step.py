"""What to do with agents once they are trained: compare them with others, or let a loop begin with one.

In: what was asked for, and its pieces. Out: a line for people, with a command to copy.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from envs.presets import PRESETS, world_class
from simulator.listing import defaults
from simulator.train_options import Request
from simulator.trained_agents import written
from simulator.training_folder import TrainingFolder
from simulator.training_pieces import Piece, Result, Scene

_SIZES = {"num_candidates": "--candidates", "slate_size": "--slots"}


def next_step(request: Request, pieces: Sequence[Piece]) -> str:
    """The line, or "" where no agent was trained, or a loop is to begin with one already."""
    agents = [one for one in pieces if one.sort == "agent"]
    if not agents or request.publish:
        return ""
    compare = shlex.join(("slateloop", "simulate", *_world(agents[0].scene), "--trained", str(request.out)))
    is_one = len({(one.scene.title, one.kind) for one in agents}) == 1
    of_one = "" if is_one else "one --agent, one --world and "
    return f"next: {compare}, or the same command with {of_one}--publish LOOP"


def chosen(piece: Piece, result: Result, request: Request) -> str:
    """Which agent it is that a loop begins with."""
    score = f"{result.validated.mean:.1f} by validation users"
    return f"{piece.who}, seed {piece.seed} ({score}), {TrainingFolder(request.out).agent(piece)}"


def _world(scene: Scene) -> list[str]:
    """The words that ask for this very world; its usual sizes need none."""
    preset = PRESETS[scene.preset]
    usual = {**defaults(world_class(preset.world)), **preset.options}
    words = ["--world", scene.preset]
    for name, value in scene.options.items():
        if name not in _SIZES:
            words += ["--option", written(name, value)]
        elif value != usual.get(name):
            words += [_SIZES[name], str(value)]
    return words
