"""The folder of ``slateloop train``: a file for each finished piece, and the agents that were trained.

In: results. Out: ``finished/<key>.json``, written whole or not at all, each with the piece that it came of, and
``agents/<stem>.agent``, which a loop can begin with and ``slateloop simulate`` can serve.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from simulator.results import ResultsError, unwritable
from simulator.training_diary import BEST
from simulator.training_pieces import Piece, Result
from simulator.whole_files import write_whole

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
        found = _read(self._finished(piece))
        is_whole = piece.sort != "agent" or self.agent(piece).exists()
        return found if found is not None and found.key == piece.key and is_whole else None

    def keep(self, piece: Piece, result: Result) -> None:
        """The agent first: a result without one is none."""
        if result.start:
            _write(self.agent(piece), result.start)
        _write(self._finished(piece), msgspec.json.encode(msgspec.structs.replace(result, start=b"", piece=piece)))

    def agent(self, piece: Piece) -> Path:
        """Where the piece's agent is, once it is trained."""
        return agent_file(self.path, piece)

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


def agent_file(path: Path, piece: Piece) -> Path:
    """Where a folder has a piece's agent, if it was trained."""
    return path / AGENTS / f"{piece.stem}.agent"


def finished_in(path: Path) -> Iterator[tuple[Piece, Result]]:
    """Every readable result of a folder that says what it came of; nothing is made or changed."""
    for file in sorted((path / FINISHED).glob("*.json")):
        found = _read(file)
        if found is not None and found.piece is not None and found.piece.key == found.key == file.stem:
            yield found.piece, found


def _read(path: Path) -> Result | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise unwritable(error) from error
