from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from simulator import training_run
from simulator.results import ResultsError
from simulator.training import Task
from simulator.training_code import code_of
from simulator.training_folder import TrainingFolder, finished_in
from simulator.training_pieces import Failed, Piece, Result
from simulator.training_run import Manner, Training, conduct
from simulator.whole_files import write_whole
from tests.simulator.training_results import piece, result

PIECES = [piece("random", sort="reference"), piece("slateq", 0), piece("slateq", 1)]


class Screen:
    def __init__(self) -> None:
        self.began: tuple[int, int, int] = (0, 0, 0)
        self.told: list[str] = []

    def begin(self, pieces: Sequence[Piece], n_found: int, n_outdated: int) -> None:
        self.began = (len(pieces), n_found, n_outdated)

    def finished(self, piece: Piece, result: Result | Failed) -> None:
        self.told.append(piece.title)


def measured(tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Failed]]:
    for task in tasks:
        code = code_of(task.piece.sort, task.piece.kind)
        yield task, result(task.piece, 1.0, code=code, start=b"agent" if task.piece.sort == "agent" else b"")


def run(out: Path, manner: Manner) -> tuple[Training, Screen]:
    screen = Screen()
    return conduct(PIECES, TrainingFolder(out), screen, manner), screen


def test_what_is_finished_is_found_again_unless_its_agent_is_gone(tmp_path: Path) -> None:
    first, screen = run(tmp_path, Manner(measured))
    assert screen.began == (3, 0, 0)
    assert first.results.keys() == {one.key for one in PIECES}
    folder = TrainingFolder(tmp_path)
    assert folder.agent(PIECES[1]).read_bytes() == b"agent"
    second, screen = run(tmp_path, Manner(measured))
    assert (screen.began, second.n_found, screen.told) == ((0, 3, 0), 3, [])
    folder.agent(PIECES[1]).unlink()
    third, screen = run(tmp_path, Manner(measured))
    assert (screen.began, third.n_found) == ((1, 2, 0), 2)
    assert run(tmp_path, Manner(measured, fresh=True))[1].began == (3, 0, 0)


def test_what_other_code_measured_is_measured_again_unless_it_is_to_be_kept(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    folder.keep(PIECES[0], result(PIECES[0], 5.0, code="other"))
    kept, screen = run(tmp_path, Manner(measured, keep_old=True))
    assert (screen.began, kept.n_other_code, kept.results[PIECES[0].key].mean) == ((2, 1, 0), 1, 5.0)
    again, screen = run(tmp_path, Manner(measured))
    assert (again.n_outdated, again.results[PIECES[0].key].mean) == (1, 1.0)


def test_what_was_kept_before_results_said_what_they_are_of_says_so_once_it_is_found(tmp_path: Path) -> None:
    run(tmp_path, Manner(measured))
    for path in (tmp_path / "finished").iterdir():
        path.write_text(json.dumps(json.loads(path.read_text()) | {"piece": None}))
    assert list(finished_in(tmp_path)) == []
    found, screen = run(tmp_path, Manner(measured))
    assert (screen.began, found.n_found) == ((0, 3, 0), 3)
    assert {one.key for one, _ in finished_in(tmp_path)} == {one.key for one in PIECES}
    assert TrainingFolder(tmp_path).agent(PIECES[1]).read_bytes() == b"agent"


def test_ctrl_c_keeps_what_is_finished_and_a_failure_stops_nothing(tmp_path: Path) -> None:
    def interrupted(tasks: Sequence[Task]) -> Iterator[tuple[Task, Result | Failed]]:
        yield tasks[0], Failed(tasks[0].piece.title, "ValueError: no")
        yield from measured(tasks[1:2])
        raise KeyboardInterrupt

    done, screen = run(tmp_path, Manner(interrupted))
    assert done.interrupted
    assert [one.error for one in done.failures] == ["ValueError: no"]
    assert list(done.results) == [PIECES[1].key]
    assert len(screen.told) == 2
    assert run(tmp_path, Manner(measured))[1].began == (2, 1, 0)


def test_what_a_full_disk_does_not_take_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        if "agents" in path.parts:
            raise OSError(28, "No space left on device", str(path))
        write_whole(path, data)

    monkeypatch.setattr("simulator.training_folder.write_whole", full)
    done, screen = run(tmp_path, Manner(measured))
    assert list(done.results) == [PIECES[0].key]
    assert len(done.failures) == 2
    assert len(screen.told) == 3
    for one in done.failures:
        assert "can't write results: [Errno 28] No space left on device" in one.error
        assert "make room, or choose another folder with --out" in one.error


def test_a_broken_record_is_no_record(tmp_path: Path) -> None:
    run(tmp_path, Manner(measured))
    for path in (tmp_path / "finished").iterdir():
        path.write_text("{")
    assert run(tmp_path, Manner(measured))[1].began == (3, 0, 0)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="choose another folder with --out"):
        TrainingFolder(tmp_path / "file")


def test_on_ray_each_piece_is_measured_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = ValueError("lost")

    def spread(
        function: Callable[[Task], Result], inputs: Sequence[Task], *, n_jobs: int
    ) -> Iterator[tuple[Task, Any]]:
        assert n_jobs == 3
        yield inputs[0], function(inputs[0])
        yield inputs[1], lost

    monkeypatch.setattr(training_run, "spread", spread)
    tasks = [Task(one) for one in PIECES[:2]]
    found = list(training_run.on_ray(3, lambda task: result(task.piece, 7.0))(tasks))
    assert found == [(tasks[0], result(PIECES[0], 7.0)), (tasks[1], Failed(PIECES[1].title, "ValueError: lost"))]
