from __future__ import annotations

import errno
import multiprocessing
import os
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
