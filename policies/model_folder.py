"""A folder for a moment, for models that Vowpal Wabbit reads from and writes to files only.

In: nothing. Out: an empty folder, gone afterwards; in memory where the system has such. What a killed process left
there would fill memory until the machine restarts, so the next process removes it: a folder in use is locked, and the
system lets go of a dead process's locks, whoever else runs under its number by then.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

MEMORY = Path("/dev/shm")
PREFIX = "slateloop-model-"


@contextmanager
def model_folder(memory: Path = MEMORY) -> Iterator[Path]:
    """An empty folder.

    Args:
        memory: Where folders are kept in memory; where none can be made and locked, the system's own place for files
            of a moment is used, which the system clears.
    """
    held = _held(memory) if os.access(memory, os.W_OK) else None
    if held is None:
        with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
            yield Path(folder)
        return
    path, lock = held
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


@cache
def remove_left(memory: Path) -> None:
    """Remove folders that nobody holds any more; once in a process's life, since only others' deaths leave some."""
    for path in memory.glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody's, or gone by now
            lock = _locked(path)
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _held(memory: Path) -> tuple[Path, int] | None:
    """A folder and its lock; None where nothing can be locked."""
    remove_left(memory)
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=memory))
        try:
            lock = _locked(path)
        except (BlockingIOError, FileNotFoundError):
            continue  # another process was just removing what is left, and took this for some of it
        except OSError:
            path.rmdir()
            return None
        if path.exists():
            return path, lock
        os.close(lock)


def _locked(path: Path) -> int:
    """An open folder that is locked until it is closed, or its process is dead.

    Raises:
        OSError: another has it, it isn't there, or it can't be locked.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(folder)
        raise
    return folder
