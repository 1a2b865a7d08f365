from __future__ import annotations

import errno
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from simulator.whole_files import write_whole

N_TIMES, N_BYTES = 50, 20_000


def write_often(path: Path, letter: bytes) -> None:
    for _ in range(N_TIMES):
        write_whole(path, letter * N_BYTES)


def test_the_last_writer_wins_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    write_whole(path, b"before")
    write_whole(path, b"after")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_several_processes_write_one_file_and_it_is_never_mixed(tmp_path: Path) -> None:
    path, fresh = tmp_path / "one.json", multiprocessing.get_context("spawn")
    writers = [fresh.Process(target=write_often, args=(path, letter)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert path.read_bytes() in (b"a" * N_BYTES, b"b" * N_BYTES)
    assert list(tmp_path.iterdir()) == [path]


def write_half(path: Path, half: Path) -> None:
    """Killed while it writes; says where it wrote."""

    def killed(beside: Path, data: bytes) -> None:
        with beside.open("wb") as file:
            file.write(data)
        half.write_text(str(beside))
        os.kill(os.getpid(), signal.SIGKILL)

    Path.write_bytes = killed  # type: ignore[method-assign, assignment]  # in a process of its own, which ends here
    write_whole(path, b"half")


def test_what_a_killed_writer_left_goes_when_the_same_file_is_written_next(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    path, half = folder / "one.json", tmp_path / "half"
    writer = multiprocessing.get_context("spawn").Process(target=write_half, args=(path, half))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    left = Path(half.read_text())
    assert list(folder.iterdir()) == [left]
    mine, elsewhere = str(writer.pid), f"one.json.elsewhere.{writer.pid}.part"
    others = [folder / left.name.replace(mine, str(os.getppid())), folder / elsewhere, folder / f"other.{left.name}"]
    for other in others:
        other.write_bytes(b"half")
    write_whole(folder / "two.json", b"whole")
    assert left.exists(), "it may be anything of another file"
    write_whole(path, b"whole")
    assert {*folder.iterdir()} == {path, folder / "two.json", *others}
    assert path.read_bytes() == b"whole"


def test_a_full_disk_leaves_what_was_there_and_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.json"
    write_whole(path, b"before")

    def full(file: Path, data: bytes) -> int:
        file.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*one\.json'"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
