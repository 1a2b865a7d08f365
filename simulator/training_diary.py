"""What a training leaves while it goes on: its points, the best agent so far, and event files for TensorBoard.

In: points and agents as they come. Out: ``running/<stem>.jsonl`` with a line a point, ``best/<stem>.agent`` and
``tensorboard/<stem>/``, in the folder of the run. Whoever has kept what was found lets the first two go; until then
they are all that there is of a training.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulator import extras
from simulator.train import Point
from simulator.whole_files import write_whole

RUNNING, BEST, TENSORBOARD = "running", "best", "tensorboard"

EVENTS = "events.out.tfevents."
"""How TensorBoard's own event files begin."""


class Diary:
    """One training's."""

    def __init__(self, out: str, stem: str, *, tensorboard: bool) -> None:
        """Begin anew: points and event files of the same training before go.

        Args:
            out: Folder; "" writes nothing.
            stem: Names the training's files.
            tensorboard: Whether to write event files.

        Raises:
            MissingExtraError: event files are wanted and tensorboardX isn't installed.
        """
        folder = Path(out)
        self._writes = bool(out)
        self._points = folder / RUNNING / f"{stem}.jsonl"
        self._best = folder / BEST / f"{stem}.agent"
        self._writer = _writer(folder / TENSORBOARD / stem) if tensorboard and out else None
        if self._writes:
            self._points.parent.mkdir(parents=True, exist_ok=True)
            self._best.parent.mkdir(parents=True, exist_ok=True)
            self._points.write_text("", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()

    def tell(self, point: Point) -> None:
        """One look at training."""
        if self._writer is not None:
            self._writer.add_scalar("validation/return", point.score.mean, point.n_steps)
            for name, value in point.figures.items():
                self._writer.add_scalar(f"training/{name}", value, point.n_steps)
            self._writer.flush()
        if self._writes:
            line = json.dumps({"n_steps": point.n_steps, "mean": point.score.mean, "se": point.score.se})
            with self._points.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def keep(self, packed: bytes) -> None:
        """The best so far, for whoever stops here."""
        if self._writes:
            write_whole(self._best, packed)

    def finish(self, kept: Point) -> None:
        """All is over; the point's score is that of the test users."""
        if self._writer is not None:
            self._writer.add_scalar("test/return", kept.score.mean, kept.n_steps)


def let_go(folder: Path, stem: str) -> None:
    """Remove a training's points and its best agent: what was found is kept elsewhere."""
    for path in (folder / RUNNING / f"{stem}.jsonl", folder / BEST / f"{stem}.agent"):
        with suppress(OSError):  # what stays is written over when it is trained again
            path.unlink(missing_ok=True)


def _writer(folder: Path) -> Any:
    module = extras.load("tensorboardX", "writing event files", install=extras.INSTALL_RL)
    for path in folder.glob(f"{EVENTS}*"):  # of a training that was broken off: its curve would lie over this one
        path.unlink(missing_ok=True)
    return module.SummaryWriter(logdir=str(folder))


def points_of(folder: Path) -> dict[str, list[dict[str, float]]]:
    """Stem → points so far, of every training that goes on in this folder; a line half written is left out."""
    found: dict[str, list[dict[str, float]]] = {}
    for path in sorted((folder / RUNNING).glob("*.jsonl")):
        try:
            lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        except FileNotFoundError:
            continue
        found[path.stem] = [json.loads(line) for line in lines]
    return found
