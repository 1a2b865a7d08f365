"""A folder as ``slateloop train`` leaves it, with agents trained for a second or two."""

from __future__ import annotations

from pathlib import Path

from simulator.measuring import settled
from simulator.training_folder import TrainingFolder
from simulator.training_pieces import Piece, scene_of
from tests.simulator.training_results import result
from tests.trained import AGENT_OPTIONS, OPTIONS, WORLD, packed

SETTING = settled(WORLD, n_candidates=OPTIONS["num_candidates"], n_slots=OPTIONS["slate_size"], options={})
"""The world that they were trained in."""


def agent(kind: str, seed: int = 0) -> Piece:
    """One training."""
    return Piece("agent", kind, scene_of(SETTING), seed, AGENT_OPTIONS, kind)


def keep(folder: Path, piece: Piece, *validations: float) -> None:
    """As finished, with the returns of its validation users; the last is of what was kept."""
    TrainingFolder(folder).keep(piece, result(piece, 1.0, curve=validations, start=packed(piece.kind)))
