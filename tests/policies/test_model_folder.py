from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

import pytest

from policies import model_folder as module
from policies.model_folder import PREFIX, model_folder, remove_left


def removed(memory: Path) -> None:
    """As in a process that begins."""
    remove_left.cache_clear()
    remove_left(memory)


def die_within(memory: Path) -> None:
    with model_folder(memory) as folder:
        (folder / "model").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_folder_is_gone_afterwards_with_all_that_is_in_it(tmp_path: Path) -> None:
    with model_folder(tmp_path) as folder, model_folder(tmp_path) as other:
        (folder / "model").write_bytes(b"whole")
        assert {*tmp_path.iterdir()} == {folder, other}
        assert list(other.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed = multiprocessing.get_context("spawn").Process(target=die_within, args=(tmp_path,))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert (left / "model").read_bytes() == b"half"
    others = (tmp_path / "slateloop-demo-x", tmp_path / f"{PREFIX}file")
    others[0].mkdir()
    others[1].touch()
    remove_left.cache_clear()
    with model_folder(tmp_path) as folder:
        assert {*tmp_path.iterdir()} == {folder, *others}


def test_a_folder_in_use_stays(tmp_path: Path) -> None:
    with model_folder(tmp_path) as folder:
        removed(tmp_path)
        assert folder.exists()


@pytest.mark.parametrize("is_held", [True, False])
def test_a_folder_that_was_taken_for_a_dead_ones_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_held: bool
) -> None:
    """Between making and locking it, another process locks it, or has removed it already."""
    make, made, held = tempfile.mkdtemp, list[Path](), list[int]()

    def met(prefix: str, dir: Path) -> str:
        path = Path(make(prefix=prefix, dir=dir))
        made.append(path)
        if len(made) == 1 and is_held:
            held.append(module._locked(path))
        elif len(made) == 1:
            path.rmdir()
        return str(path)

    monkeypatch.setattr(tempfile, "mkdtemp", met)
    with model_folder(tmp_path) as folder:
        assert [folder] == made[1:]
        assert folder.is_dir()
    for lock in held:
        os.close(lock)


def test_where_there_is_no_such_memory_the_systems_place_serves(tmp_path: Path) -> None:
    with model_folder(tmp_path / "none") as folder:
        assert folder.parent == Path(tempfile.gettempdir())
    assert not folder.exists()


def test_where_nothing_can_be_locked_the_systems_place_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refused)
    with model_folder(tmp_path) as folder:
        assert folder.parent == Path(tempfile.gettempdir())
        assert list(tmp_path.iterdir()) == []
