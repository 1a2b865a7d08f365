"""The folder of ``slateloop train``: a file for each finished piece, and the agents that were trained.

In: results. Out: ``finished/<key>.json``, written whole or not at all, and ``agents/<stem>.agent``, which a loop can
begin with and ``slateloop simulate`` can serve.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from simulator.results import ResultsError
from simulator.training_diary import BEST
from simulator.training_pieces import Piece, Result

FINISHED, AGENTS = "finished", "agents"


class TrainingFolder:
    """Results on disk.

    Args:
        path: Made if missing.

    Raises:
        ResultsError: it can't be made or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            for name in (FINISHED, AGENTS):
                (path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"{path} can't hold results: {error}; choose another folder with --out") from error
        if not os.access(path / FINISHED, os.W_OK):
            raise ResultsError(f"{path} can't be written to; choose another folder with --out")

    def find(self, piece: Piece) -> Result | None:
        """The result of this very piece, if it was finished before and its agent is still there."""
        file = self._finished(piece)
        try:
            found = msgspec.json.decode(file.read_bytes(), type=Result)
        except (OSError, msgspec.MsgspecError):
            return None
        is_whole = piece.sort != "agent" or self.agent(piece).exists()
        return found if found.key == piece.key and is_whole else None

    def keep(self, piece: Piece, result: Result) -> None:
        """The agent first: a result without one is none."""
        if result.start:
            _write(self.agent(piece), result.start)
        _write(self._finished(piece), msgspec.json.encode(msgspec.structs.replace(result, start=b"")))

    def agent(self, piece: Piece) -> Path:
        """Where the piece's agent is, once it is trained."""
        return self.path / AGENTS / f"{piece.stem}.agent"

    def best(self, piece: Piece) -> Path | None:
        """The best agent so far of a training that was not finished, if there is one."""
        path = self.path / BEST / f"{piece.stem}.agent"
        return path if path.exists() else None

    def write_text(self, name: str, text: str) -> Path:
        """A page or a list for people."""
        path = self.path / name
        _write(path, text.encode())
        return path

    def _finished(self, piece: Piece) -> Path:
        return self.path / FINISHED / f"{piece.key}.json"


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    beside.replace(path)
