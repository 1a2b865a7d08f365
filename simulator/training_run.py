"""All pieces of ``slateloop train``: what was finished before is found, the rest is measured, each result kept at once.

In: pieces, a folder. Out: a ``Training``: every result there is, and what failed. Interrupted, it keeps what is
finished; the same call goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simulator.ray_local import spread
from simulator.results import ResultsError
from simulator.training import Task, attempt
from simulator.training_code import code_of
from simulator.training_diary import let_go
from simulator.training_folder import TrainingFolder
from simulator.training_pieces import Failed, Piece, Result

Runner = Callable[[Sequence[Task]], Iterator[tuple[Task, Result | Failed]]]
"""Measures tasks and yields each result as it is finished, in any order."""


class Screen(Protocol):
    """Where progress is shown."""

    def begin(self, pieces: Sequence[Piece], n_found: int, n_outdated: int) -> None:
        """So many are to be measured; so many were finished before, and so many by other code, which isn't used."""
        ...

    def finished(self, piece: Piece, result: Result | Failed) -> None:
        """One more piece."""
        ...


@dataclass(slots=True)
class Training:
    """What came of it.

    Attributes:
        results: Key → result of everything finished, now or before.
        n_found: Finished before, and used.
        n_outdated: Finished before by other code, so measured again.
        n_other_code: Of those found, measured by other code than this.
        failures: What went wrong.
        interrupted: Someone stopped it.
    """

    results: dict[str, Result] = field(default_factory=dict)
    n_found: int = 0
    n_outdated: int = 0
    n_other_code: int = 0
    failures: list[Failed] = field(default_factory=list)
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How pieces are measured.

    Attributes:
        run: How the rest is run.
        tensorboard: Whether trainings write event files.
        fresh: Measure anew what was finished before.
        keep_old: Use what other code has measured, too.
        code: Sort and kind of a piece → digest of the code that measures it.
    """

    run: Runner
    tensorboard: bool = False
    fresh: bool = False
    keep_old: bool = False
    code: Callable[[str, str], str] = code_of


def conduct(pieces: Iterable[Piece], folder: TrainingFolder, screen: Screen, manner: Manner) -> Training:
    """Find what is finished, measure the rest, keep each result as it comes."""
    done, wanted = Training(), list(pieces)
    rest = [one for one in wanted if manner.fresh or not _take(done, one, folder, manner)]
    screen.begin(rest, done.n_found, done.n_outdated)
    tasks = [Task(one, str(folder.path.resolve()), manner.tensorboard) for one in rest]
    results = manner.run(tasks) if tasks else iter(())
    try:
        for task, result in results:
            screen.finished(task.piece, _noted(done, task.piece, result, folder))
    except KeyboardInterrupt:
        done.interrupted = True
    return done


def in_turn(tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Failed]]:
    """One after the other, in this process."""
    for task in tasks:
        yield task, attempt(task)


def on_ray(n_jobs: int, measure: Callable[[Task], Result | Failed] = attempt) -> Runner:
    """As Ray tasks, so many at once, each measured so."""

    def run(tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Failed]]:
        for task, answer in spread(measure, tasks, n_jobs=n_jobs):
            if isinstance(answer, Exception):
                yield task, Failed(task.piece.title, f"{type(answer).__name__}: {answer}")
            else:
                yield task, answer

    return run


def _take(done: Training, piece: Piece, folder: TrainingFolder, manner: Manner) -> bool:
    found = folder.find(piece)
    if found is None:
        return False
    is_old = found.code != manner.code(piece.sort, piece.kind)
    if is_old and not manner.keep_old:
        done.n_outdated += 1
        return False
    if found.piece is None:  # kept before results said what they are of
        folder.keep(piece, found)
    done.results[piece.key] = found
    done.n_found += 1
    done.n_other_code += is_old
    return True


def _noted(done: Training, piece: Piece, result: Result | Failed, folder: TrainingFolder) -> Result | Failed:
    """What came of it in the end: what can't be kept has failed, and leaves its best agent where it was."""
    if not isinstance(result, Failed):
        try:
            folder.keep(piece, result)
            let_go(folder.path, piece.stem)
        except ResultsError as error:
            result = Failed(piece.title, str(error))
    if isinstance(result, Failed):
        done.failures.append(result)
    else:
        done.results[piece.key] = result
    return result
