"""How trainings look while they go on: a bar for each on a terminal, a line for each point elsewhere.

In: what ``training_run.conduct`` tells, and the points that trainings leave in the folder of the run. Out: lines on a
console. A thread looks at the folder, since trainings go on in other processes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from agent.counted import counted
from simulator.stopping import answered
from simulator.training_diary import RUNNING, points_of
from simulator.training_pieces import Failed, Piece, Result
from simulator.training_run import Screen

LOOK_S = 0.5


class TrainingScreen:
    """Tells of pieces and points.

    Attributes:
        progress: Bars, or None for plain lines.
    """

    def __init__(self, console: Console, folder: Path, progress: Progress | None) -> None:
        self._console, self._folder, self.progress = console, folder, progress
        self._by_stem: dict[str, Piece] = {}
        self._n_told: dict[str, int] = {}
        self._bars: dict[str, TaskID] = {}
        self._n_all = self._n_done = 0
        self._waiting: dict[str, Piece] = {}
        self._overall: TaskID | None = None

    def begin(self, pieces: Sequence[Piece], n_found: int, n_outdated: int) -> None:
        """Say what is to be done; points that an interrupted run left are no news."""
        self._by_stem = {one.stem: one for one in pieces}
        self._waiting = dict(self._by_stem)
        self._n_all = len(pieces)
        for path in (self._folder / RUNNING).glob("*.jsonl"):
            path.unlink(missing_ok=True)
        found = f", {n_found} finished before" if n_found else ""
        them = "it" if n_outdated == 1 else "them"
        again = f", {n_outdated} measured again since other code measured {them}" if n_outdated else ""
        self.say(f"{counted(len(pieces), 'piece')} of work{found}{again}")
        if pieces and self.progress is None:
            self.say(f"beginning with {pieces[0].title}")
        elif pieces and self.progress is not None:
            self._overall = self.progress.add_task(self._standing(), total=len(pieces))

    def finished(self, piece: Piece, result: Result | Failed) -> None:
        """Say what came of a piece."""
        self._n_done += 1
        self._waiting.pop(piece.stem, None)
        if self._overall is not None and self.progress is not None:
            self.progress.update(self._overall, completed=self._n_done, description=self._standing())
        if piece.stem in self._bars and self.progress is not None:
            self.progress.remove_task(self._bars.pop(piece.stem))
        style = "red" if isinstance(result, Failed) else ""
        self.say(f"[{self._n_done}/{self._n_all}] {summary(piece, result)}", style)

    def look(self) -> None:
        """Tell of the points that are new."""
        for stem, points in points_of(self._folder).items():
            piece, n_told = self._by_stem.get(stem), self._n_told.get(stem, 0)
            if piece is None or not points[n_told:]:
                continue
            self._n_told[stem] = len(points)
            self._tell(piece, points[-1])

    def _standing(self) -> str:
        """How far all pieces are; those that were given first begin first."""
        under_way = next((f", under way: {one.title}" for one in self._waiting.values()), "")
        return escape(f"{self._n_done} of {self._n_all} pieces{under_way}")

    def _tell(self, piece: Piece, point: dict[str, float]) -> None:
        unit = "decisions" if piece.sort == "log" else "steps"
        text = f"{piece.title}: {point['mean']:.1f} ± {1.96 * point['se']:.1f} after {point['n_steps']:,} {unit}"
        if self.progress is None:
            self.say(text)
            return
        if piece.stem not in self._bars:
            self._bars[piece.stem] = self.progress.add_task("", total=piece.n_steps)
        self.progress.update(self._bars[piece.stem], completed=point["n_steps"], description=escape(text))

    def say(self, text: str, style: str = "") -> None:
        """Print a line."""
        console = self._console if self.progress is None else self.progress.console
        console.print(escape(text), style=style, highlight=False, soft_wrap=True)


@contextmanager
def screen(console: Console, folder: Path) -> Iterator[Screen]:
    """Bars where the console is a terminal, else plain lines; the folder is looked at meanwhile."""
    if not console.is_terminal:
        with _looking(TrainingScreen(console, folder, None)) as shown, answered(shown.say):
            yield shown
        return
    columns = (BarColumn(bar_width=20), TimeElapsedColumn(), TextColumn("{task.description}"))
    with (
        Progress(*columns, console=console, transient=True) as bars,
        _looking(TrainingScreen(console, folder, bars)) as shown,
        answered(shown.say),
    ):
        yield shown


def summary(piece: Piece, result: Result | Failed) -> str:
    """One piece in one line."""
    if isinstance(result, Failed):
        return f"{piece.title}: failed: {result.error}"
    return f"{piece.title}: {result.mean:.1f} on {result.n:,} test users, {result.seconds:.1f} s"


@contextmanager
def _looking(shown: TrainingScreen) -> Iterator[TrainingScreen]:
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            shown.look()

    thread = threading.Thread(target=look, name="training screen", daemon=True)
    thread.start()
    try:
        yield shown
    finally:
        over.set()
        thread.join()
