from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from simulator.cells import Cell, Setting, Yardstick, parse_policy
from simulator.experiments import conduct, on_ray
from simulator.ray_local import RayStartError, begin, spread
from simulator.results import Folder
from tests.simulator.test_experiments import FakeScreen
from tests.simulator.test_measuring import measured, without_times

SETTING = Setting("interest-evolution", 5, 2)


def end_at_once(number: int) -> int:
    if number == 1:
        os._exit(3)
    return number


@pytest.fixture(autouse=True)
def _with_psutil() -> None:
    """Ray's own is found once Ray is imported."""
    importlib.import_module("ray")


class SlowRay:
    """Comes up, leaves a process and fails in time, or fails for good."""

    def __init__(self, n_failures: int) -> None:
        self.n_failures, self.folders, self.n_shut_down = n_failures, list[Path](), 0
        self.processes = list[subprocess.Popen[bytes]]()

    def init(self, *, _temp_dir: str, **_: Any) -> None:
        folder = Path(_temp_dir)
        self.folders.append(folder)
        folder.mkdir()
        self.processes.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", _temp_dir]))
        if len(self.folders) <= self.n_failures:
            raise RuntimeError("The current node timed out during startup")

    def shutdown(self) -> None:
        self.n_shut_down += 1


def test_a_slow_start_is_tried_again_in_another_folder_and_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ray = SlowRay(n_failures=1)
    with ExitStack() as folders:
        begin(ray, "", 1, folders)
        first, second = ray.folders
        assert not first.parent.exists()
        assert second.is_dir()
        assert [process.poll() is None for process in ray.processes] == [False, True]
    assert not second.parent.exists()
    assert ray.processes[1].poll() is not None
    assert "Ray can't be started here (RuntimeError), trying once more" in caplog.text


def test_a_start_that_fails_twice_is_told_and_leaves_nothing() -> None:
    ray = SlowRay(n_failures=2)
    with ExitStack() as folders, pytest.raises(RayStartError, match=r"timed out during startup; --jobs 1 does without"):
        begin(ray, "", 1, folders)
    assert ray.n_shut_down == 2
    assert [folder.parent.exists() for folder in ray.folders] == [False, False]
    assert all(process.poll() is not None for process in ray.processes)


@pytest.mark.slow
def test_cells_on_ray_are_those_of_this_process_and_a_wrong_one_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cells = [Cell(SETTING, parse_policy(name), 0, 80) for name in ("vw", "uniform")]
    wrong = Cell(Setting("interest-evolution", 5, 2, {"nonsense": 1}), parse_policy("vw"), 0, 80)
    done = conduct([*cells, wrong, Yardstick(SETTING, 0, 80)], Folder(tmp_path), run=on_ray(2), screen=FakeScreen())
    assert [one.job for one in done.failures] == [wrong]
    assert len(done.records) == 3
    for cell in cells:
        assert without_times(done.records[cell.key]) == without_times(measured(cell))


@pytest.mark.slow
def test_a_process_that_ends_is_an_error_of_its_own_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    before = dict(os.environ)
    answers = dict(spread(end_at_once, [0, 1, 2], n_jobs=1))
    assert (answers[0], answers[2]) == (0, 2)
    assert isinstance(answers[1], Exception)
    assert dict(os.environ) == before
    import ray

    assert not ray.is_initialized()


def test_a_cluster_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            monkeypatch.setenv("RAY_ADDRESS", address)
            with pytest.raises(RayStartError, match=r"nothing answers there .* unset it .* --jobs 1"):
                list(spread(end_at_once, [0], n_jobs=1))
